heapgraph snapshot "$PID" | plain
stat -c '%a' core."$PID"
rm core."$PID"
