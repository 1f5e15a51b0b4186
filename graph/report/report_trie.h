/**
 * The ways through the dominator tree from the roots to many objects, merged: objects that are reached over the same fields
 * through objects of the same types are one step. One pass over the nodes, whatever the shape of the graph.
 */
#ifndef HG_GRAPH_REPORT_REPORT_TRIE_H
#define HG_GRAPH_REPORT_REPORT_TRIE_H

#include "graph/report/report_name.h"
#include "graph/report/report_suspect.h"

enum hg_trie_kind {
	HG_TRIE_NONE,	/* steps[0], above all */
	HG_TRIE_ROOT,	/* a root, or goroutines of one kind */
	HG_TRIE_SHARED, /* heading of what the same several roots reach */
	HG_TRIE_BLOCK,
};

struct hg_trie_step {
	uint32_t parent;    /* step; 0 at the top */
	uint32_t depth;	    /* 1 at the top */
	uint32_t via;	    /* in words: what leads here from the parent; name of an inner root */
	uint32_t class;	    /* of a BLOCK */
	uint32_t node;	    /* the first of its nodes */
	uint32_t container; /* type of the container whose blocks it stands for; 0 none */
	uint8_t kind;	    /* enum hg_trie_kind */
	uint64_t types;	    /* stands for the set of types from the top to here */
	bool indirect;	    /* the parent does not refer to it itself, but over several ways */
	bool recursive;	    /* objects of this type that hold each other are folded into it */
	uint64_t objects;   /* that are this step; a container's inner parts do not count */
	uint64_t count;	    /* targets here and below */
	uint64_t shallow;   /* their own bytes */
	uint64_t self;	    /* the part of them that is this step itself */
	uint64_t retained;  /* what they retain; nothing counted twice */
};

struct hg_trie {
	HG_VEC(struct hg_trie_step) steps; /* a step stands behind its parent; [0] is above all */
	struct hg_strtab words;
};

enum {
	/** The targets are whole subtrees of the dominator tree, and what a step retains is what its own objects retain;
	 * else it is what the targets below it retain. */
	HG_TRIE_WHOLE = 1,
	/** What lies above the targets is left out: the uppermost of them are the first steps. With WHOLE. */
	HG_TRIE_BELOW = 2,
	/** What a step retains is itself and its children's, to the byte. Objects that hold each other are folded only into a
	 * step that has all their types on the way to it, so that what all steps of a type retain together, without
	 * those below another one, is what the type retains. With WHOLE. */
	HG_TRIE_ADDITIVE = 4,
};

/** Merges the ways to the targets (one byte a node, non-zero: is one). */
struct hg_error *hg_trie_init(struct hg_namer *namer, const uint8_t *targets, unsigned flags,
			      struct hg_trie *trie);
void hg_trie_deinit(struct hg_trie *trie);

#endif
