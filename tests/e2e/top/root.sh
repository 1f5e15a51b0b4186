heapgraph top "$CORE" --by=root -n 8 | plain
