heapgraph top "$C_CORE" --by=thread | sed s/__libc_pause/pause/ | plain
heapgraph top "$C_CORE" --by=root -n 7 | plain
