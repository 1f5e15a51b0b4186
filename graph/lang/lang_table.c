#include "graph/lang/lang.h"
#include "graph/lang/lang_go.h"

const struct hg_lang_ops *const hg_lang_table[] = {&hg_lang_go, NULL};
