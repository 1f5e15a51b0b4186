coproc target { GLIBC_TUNABLES=glibc.malloc.tcache_count=0 exec "$LEAKS"; }
while read -r -u "${target[0]}" line && [ "$line" != ready ]; do :; done
heapgraph snapshot "$target_PID" -o leaks.core >/dev/null 2>&1
kill "$target_PID"
heapgraph leaks leaks.core -n 12 | plain
heapgraph leaks leaks.core --filter=node --sort=count --format=json | sed -n '/"rows":/,/"rows_left_out"/p' | plain
heapgraph leaks leaks.core --sort=type
