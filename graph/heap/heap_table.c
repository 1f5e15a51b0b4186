#include "graph/heap/heap.h"
#include "graph/heap/heap_glibc.h"
#include "graph/heap/heap_go.h"

const struct hg_heap_ops *const hg_heap_table[] = {&hg_heap_go, &hg_heap_glibc, NULL};
