/**
 * What diff compares: amounts by path, root and type, and which objects there are. Private to graph/report/.
 */
#ifndef HG_GRAPH_REPORT_REPORT_SUMMARY_H
#define HG_GRAPH_REPORT_REPORT_SUMMARY_H

#include "core/base/map.h"
#include "core/base/strtab.h"
#include "graph/report/report.h"

enum hg_amount_of {
	HG_AMOUNT_PATH, /* bytes: of the objects of this step alone, so that all paths add up to all that is live */
	HG_AMOUNT_ROOT, /* bytes: retained, so that all roots do */
	HG_AMOUNT_TYPE, /* bytes: of its objects */
	HG_AMOUNT_KINDS,
};

struct hg_amount {
	uint64_t key;	     /* fingerprint; the same in all snapshots */
	uint32_t name, type; /* in the words */
	uint64_t objects, bytes;
	uint64_t retained;
};

struct hg_amounts {
	HG_VEC(struct hg_amount) list;
	struct hg_map index; /* key -> place in list + 1 */
};

struct hg_known_object { /* in order of address */
	uint64_t addr, size;
	uint32_t type; /* of its name, a hash */
};

struct hg_summary {
	struct hg_amounts amounts[HG_AMOUNT_KINDS];
	HG_VEC(struct hg_known_object) objects;
	struct hg_strtab words;
	uint64_t live_bytes, live_objects;
	uint64_t process; /* stands for the process it is of */
};

/** The amount of a key; zero where there is none. */
struct hg_amount hg_summary_find(const struct hg_summary *summary, enum hg_amount_of kind,
				 uint64_t key);

#endif
