heapgraph leaks -h; echo "exit $?"
