heapgraph analyze "$CORE" -n 5 | plain
