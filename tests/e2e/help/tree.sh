heapgraph tree -h; echo "exit $?"
