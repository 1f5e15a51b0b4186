/**
 * What --fail-over and --known say. Private to graph/report/.
 */
#ifndef HG_GRAPH_REPORT_REPORT_LIMIT_H
#define HG_GRAPH_REPORT_REPORT_LIMIT_H

#include "core/base/map.h"
#include "graph/report/report.h"

struct hg_limit {
	bool active;
	uint64_t bytes;
	struct hg_map known; /* fingerprints */
};

/** Checks the words alone. */
struct hg_error *hg_limit_check(const struct hg_report_args *args);

/** Reads both; per cent are of `whole`. End it with hg_limit_deinit(), also after an error. */
struct hg_error *hg_limit_init(struct hg_limit *limit, const struct hg_report_args *args,
			       uint64_t whole);
void hg_limit_deinit(struct hg_limit *limit);

bool hg_limit_knows(const struct hg_limit *limit, uint64_t fingerprint);

/** The fingerprint as people and --known write it. */
const char *hg_limit_words(struct hg_report *report, uint64_t fingerprint);

#endif
