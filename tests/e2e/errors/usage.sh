for words in "" nonsense analyze "analyze a b" "top --by=nonsense $CORE" "analyze --nonsense x" "why $CORE" snapshot "snapshot notapid" \
	"top -n 0 $CORE" "top --format=xml $CORE" "top --sort=nonsense $CORE" "top --filter=[ $CORE"; do
	heapgraph $words 2>&1 | sed "s,$CORE,CORE,"
	echo "exit ${PIPESTATUS[0]}"
done
