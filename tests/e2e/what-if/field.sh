heapgraph what-if "$CORE" --cut=main.ownerA.own | plain
heapgraph what-if "$CORE" --cut=main.nothing.own
heapgraph what-if "$CORE" 2>&1 | head -n 1
