heapgraph analyze -h; echo "exit $?"
