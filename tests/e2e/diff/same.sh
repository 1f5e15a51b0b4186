heapgraph diff "$CORE" "$CORE" | plain
heapgraph diff "$CORE" "$CORE" --fail-over=1K >/dev/null
echo "exit $?"
heapgraph diff "$CORE"
echo "exit $?"
