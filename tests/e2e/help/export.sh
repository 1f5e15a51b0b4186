heapgraph export -h; echo "exit $?"
