for format in folded csv dot speedscope; do
	heapgraph export "$CORE" main.listNode --depth=2 -n 2 --format=$format | tr -d '\r' | plain
done
heapgraph top "$CORE" --format=csv -n 2 | tr -d '\r' | plain
heapgraph export "$CORE" --format=xml
echo "exit $?"
heapgraph top "$CORE" --format=folded
echo "exit $?"
