heapgraph why "$CXX_CORE" g_vector | plain
heapgraph why "$CXX_CORE" g_short | plain
