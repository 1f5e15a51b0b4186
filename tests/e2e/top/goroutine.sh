heapgraph top "$CORE" --by=goroutine -n 3 --filter=main | plain
