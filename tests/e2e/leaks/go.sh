heapgraph leaks "$CORE"
