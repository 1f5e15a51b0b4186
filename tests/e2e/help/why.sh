heapgraph why -h; echo "exit $?"
