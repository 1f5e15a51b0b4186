heapgraph why "$CORE" main.linkedList | plain
heapgraph why "$CORE" main.listNode | plain
