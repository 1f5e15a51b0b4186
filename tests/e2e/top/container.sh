heapgraph top "$CXX_CORE" --by=container --sort=length -n 14 | plain
heapgraph top "$CXX_CORE" --by=container --sort=slack -n 3 --format=json | grep '^{"type"' | plain
