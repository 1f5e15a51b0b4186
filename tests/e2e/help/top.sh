heapgraph top -h; echo "exit $?"
