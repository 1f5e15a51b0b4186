#include "graph/lang/lang_cxx.h"

#include <stdlib.h>

static struct hg_guess cxx_resolve(struct hg_lang *lang, const struct hg_leaf *leaf, uint64_t base,
				   uint64_t offset, uint64_t value)
{
	struct hg_guess guess = c_resolve(lang, leaf, base, offset, value);
	if (cxx_is_node_base(lang->a->prog, leaf->type))
		guess.count = guess.sure = 1;
	return guess;
}

static bool cxx_probe(const struct hg_analysis *a)
{
	return hg_lang_c.probe(a);
}

static struct hg_error *cxx_open(struct hg_analysis *a, struct hg_lang **ret)
{
	struct hg_lang *lang = calloc(1, sizeof(*lang));
	if (!lang)
		return &hg_enomem;
	*lang = (struct hg_lang){.ops = &hg_lang_cxx, .a = a, .shapes = &a->priv->shapes};
	*ret = lang;
	return NULL;
}

static void cxx_close(struct hg_lang *lang)
{
	free(lang);
}

const struct hg_lang_ops hg_lang_cxx = {
	.name = "c++",
	.languages = 1u << HG_LANGUAGE_CXX,
	.probe = cxx_probe,
	.open = cxx_open,
	.special = cxx_special,
	.resolve = cxx_resolve,
	.name_type = cxx_name_type,
	.is_inner = cxx_is_inner,
	.name_member = cxx_name_member,
	.container = cxx_container,
	.close = cxx_close,
};
