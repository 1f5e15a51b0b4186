heapgraph tree "$CORE" --depth=3 --min=150K | plain
heapgraph tree "$CORE" main.listNode | plain
heapgraph tree "$CORE" main.index --depth 2 -n 2 | plain
heapgraph tree "$CORE" main.nothing
echo "exit $?"
