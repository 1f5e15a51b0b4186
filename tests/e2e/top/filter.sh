heapgraph top "$CORE" --by=type --filter='^main\.' --sort=count -n 5 | plain
