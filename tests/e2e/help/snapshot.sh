heapgraph snapshot -h; echo "exit $?"
