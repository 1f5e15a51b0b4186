heapgraph diff -h; echo "exit $?"
