heapgraph suspects -h; echo "exit $?"
