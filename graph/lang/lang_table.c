#include "graph/analysis_private.h"
#include "graph/facts.h"
#include "graph/lang/lang.h"
#include "graph/lang/lang_c.h"
#include "graph/lang/lang_cxx.h"
#include "graph/lang/lang_go.h"

const struct hg_lang_ops *const hg_lang_table[] = {&hg_lang_go, &hg_lang_c, &hg_lang_cxx, NULL};

static unsigned special(struct hg_shapes *shapes, uint32_t type, struct hg_piece *pieces,
			bool *whole)
{
	struct hg_lang *lang = hg_lang_of(shapes->lang, type);
	return lang && lang->ops->special ? lang->ops->special(lang, type, pieces, whole) : 0;
}

static bool choose(struct hg_shapes *shapes, uint32_t type, uint64_t addr, uint64_t offset,
		   struct hg_piece *ret)
{
	struct hg_lang *lang = hg_lang_of(shapes->lang, type);
	return lang && lang->ops->choose && hg_facts_choose(lang->a, lang, type, addr, offset, ret);
}

struct hg_error *hg_langs_open(struct hg_analysis *a)
{
	a->priv->shapes.prog = a->prog;
	a->priv->shapes.special = special;
	a->priv->shapes.choose = choose;
	a->priv->shapes.lang = a;
	for (size_t i = 0; hg_lang_table[i]; i++) {
		const struct hg_lang_ops *ops = hg_lang_table[i];
		struct hg_lang *lang = NULL;
		if (!ops->probe(a))
			continue;
		struct hg_error *err = ops->open(a, &lang);
		for (unsigned k = 0; lang && k < HG_LANGUAGES; k++)
			if (ops->languages >> k & 1)
				a->priv->langs[k] = lang;
		if (err)
			return err;
	}
	return NULL;
}

void hg_langs_close(struct hg_analysis *a)
{
	for (unsigned i = 0; i < HG_LANGUAGES; i++) {
		struct hg_lang *lang = a->priv->langs[i];
		for (unsigned k = i; lang && k < HG_LANGUAGES; k++)
			if (a->priv->langs[k] == lang)
				a->priv->langs[k] = NULL;
		if (lang)
			lang->ops->close(lang);
	}
	hg_inlays_deinit(&a->priv->inlays);
	hg_shapes_deinit(&a->priv->shapes);
}

struct hg_lang *hg_lang_of(const struct hg_analysis *a, uint32_t type)
{
	unsigned language = hg_type_get(a->prog, type)->language;
	if (language < HG_LANGUAGES && language && a->priv->langs[language])
		return a->priv->langs[language];
	for (unsigned i = 0; i < HG_LANGUAGES; i++)
		if (a->priv->langs[i])
			return a->priv->langs[i];
	return NULL;
}

bool hg_langs_refer_to_start(const struct hg_analysis *a, const struct hg_inside *inside)
{
	struct hg_lang *last = NULL;
	for (unsigned i = 0; i < HG_LANGUAGES; i++) {
		struct hg_lang *lang = a->priv->langs[i];
		if (!lang || lang == last)
			continue;
		last = lang;
		if (lang->ops->refers_to_start && lang->ops->refers_to_start(lang, inside))
			return true;
	}
	return false;
}
