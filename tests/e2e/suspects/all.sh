heapgraph suspects "$CORE" | sed -E "s/[0-9a-f]{16}/PRINT/" | plain
heapgraph suspects "$CORE" --fail-over=1000% >/dev/null
echo "exit $?"
heapgraph suspects "$CORE" --fail-over=1K --known=/nowhere
echo "exit $?"
heapgraph suspects "$CORE" --fail-over=lots 2>&1 | head -n 1
