heapgraph what-if -h; echo "exit $?"
