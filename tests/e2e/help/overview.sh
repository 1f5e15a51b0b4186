heapgraph --help; echo "exit $?"
