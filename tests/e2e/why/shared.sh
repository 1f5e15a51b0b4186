heapgraph why "$CORE" main.sharedNode | plain
