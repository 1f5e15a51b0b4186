heapgraph snapshot "$PID" 2>&1 | plain
stat -c '%a' core."$PID"
rm core."$PID"
