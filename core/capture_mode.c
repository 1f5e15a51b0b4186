#include "core/capture_mode.h"

#include <string.h>
#include <sys/utsname.h>

#include "core/base/human.h"
#include "core/headroom.h"
#include "core/inject.h"
#include "core/seccomp.h"

#define SMALL ((uint64_t)16 << 20)
#define GIB ((uint64_t)1 << 30)

/** A reason against a copy; NULL where the condition does not hold. */
typedef const char *reason_fn(struct hg_snapshot *snapshot);

static const char *is_small(struct hg_snapshot *snapshot)
{
	if (snapshot->limits.mode == HG_CAPTURE_FORK)
		return NULL;
	return snapshot->facts.anonymous <= SMALL && snapshot->run_bytes <= 2 * SMALL ? "" : NULL;
}

static const char *is_unknown(struct hg_snapshot *snapshot)
{
	return snapshot->facts.known ? NULL : "its smaps cannot be read";
}

static const char *has_filter(struct hg_snapshot *snapshot)
{
	if (!snapshot->status.seccomp || (snapshot->status.seccomp == 2 && hg_seccomp_can_ask()))
		return NULL; // the filter will be asked while it stands
	return "a seccomp filter might kill it for a call it does not expect";
}

static const char *has_hugetlb(struct hg_snapshot *snapshot)
{
	return snapshot->facts.hugetlb
		       ? "it has private huge pages (hugetlb), of which a copy needs more"
		       : NULL;
}

static const char *has_user_faults(struct hg_snapshot *snapshot)
{
	return snapshot->facts.user_faults ? "another program serves its page faults (userfaultfd)"
					   : NULL;
}

static const char *has_shadow_stack(struct hg_snapshot *snapshot)
{
	return snapshot->status.shadow_stack ? "it uses a shadow stack" : NULL;
}

static const char *is_stopped(struct hg_snapshot *snapshot)
{
	return snapshot->status.state == 'T' ? "it is stopped already" : NULL;
}

/** Before Linux 6.5 a copy can get what a device is writing into a page, and the process the old page. */
static const char *has_direct_io(struct hg_snapshot *snapshot)
{
	struct utsname name;
	unsigned major = 0, minor = 0;
	if (!uname(&name) && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	    (major > 6 || (major == 6 && minor >= 5)))
		return NULL;
	return hg_proc_has_direct_io(snapshot->pid)
		       ? "it may write to its memory by devices (O_DIRECT, RDMA, io_uring), which "
			 "this kernel's fork does not mind"
		       : NULL;
}

static uint64_t special_bytes(const struct hg_snapshot *snapshot)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < snapshot->specials.count; i++)
		bytes += snapshot->specials.data[i].resident;
	return bytes < HG_SAVED_MAX ? bytes : HG_SAVED_MAX;
}

static uint64_t expected_growth(const struct hg_snapshot *snapshot)
{
	uint64_t growth = snapshot->facts.anonymous / 2;
	if (hg_headroom_kills_group(snapshot->pid))
		growth = snapshot->facts.anonymous;
	if (snapshot->limits.max_growth && growth > snapshot->limits.max_growth)
		growth = snapshot->limits.max_growth;
	return growth;
}

static const char *lacks_memory(struct hg_snapshot *snapshot)
{
	const uint64_t growth = expected_growth(snapshot);
	return hg_headroom(snapshot->pid) < growth + growth / 10
		       ? "too little memory is free for what it writes meanwhile"
		       : NULL;
}

static const char *lacks_gadgets(struct hg_snapshot *snapshot)
{
	snapshot->injection = calloc(1, sizeof(*snapshot->injection));
	if (!snapshot->injection)
		return "memory is exhausted";
	const char *reason;
	struct hg_error *err = hg_inject_prepare(snapshot->injection, snapshot->pid, &reason);
	hg_error_destroy(err);
	return err ? "its code cannot be read" : reason;
}

/** In this order; what a person may overrule stands apart. */
static const struct {
	reason_fn *reason;
	bool may_overrule; // by --mode=fork
} table[] = {
	{is_small, true},	   {is_unknown, false},	   {is_stopped, false},
	{has_filter, false},	   {has_hugetlb, false},   {has_user_faults, false},
	{has_shadow_stack, false}, {has_direct_io, false}, {lacks_memory, true},
	{lacks_gadgets, false},
};

const char *hg_capture_mode_name(enum hg_capture_mode mode)
{
	static const char *const names[] = {"auto", "fork", "stop", "frozen", "no-stop"};
	return names[mode];
}

bool hg_capture_mode_find(const char *name, enum hg_capture_mode *ret)
{
	static const enum hg_capture_mode may_be_asked[] = {HG_CAPTURE_AUTO, HG_CAPTURE_FORK,
							    HG_CAPTURE_STOP, HG_CAPTURE_NO_STOP};
	for (size_t i = 0; i < ARRAY_SIZE(may_be_asked); i++) {
		*ret = may_be_asked[i];
		if (!strcmp(name, hg_capture_mode_name(*ret)))
			return true;
	}
	return false;
}

uint64_t hg_mode_predict(const struct hg_snapshot *snapshot, enum hg_capture_mode mode)
{
	const struct hg_facts *facts = &snapshot->facts;
	const uint64_t threads_us = (uint64_t)snapshot->status.threads * 25 + 300;
	if (mode == HG_CAPTURE_FROZEN || mode == HG_CAPTURE_NO_STOP)
		return 0;
	if (mode == HG_CAPTURE_STOP)
		return threads_us + snapshot->run_bytes * 300000 / GIB;
	const uint64_t small = facts->anonymous - facts->huge;
	return threads_us + small * 36000 / GIB + facts->huge * 1100 / GIB +
	       special_bytes(snapshot) * 300000 / GIB;
}

static struct hg_error *check_pause(const struct hg_snapshot *snapshot)
{
	const uint64_t pause = hg_mode_predict(snapshot, snapshot->mode);
	if (!snapshot->limits.max_pause_us || pause <= snapshot->limits.max_pause_us)
		return NULL;
	struct hg_text text = {0};
	hg_human_time(&text, pause);
	struct hg_error *err = hg_error_create(
		HG_ERROR_LIMIT,
		"process %u would stand still for about %s (%s mode), more than --max-pause "
		"allows; nothing was stopped",
		snapshot->pid, hg_text_str(&text), hg_capture_mode_name(snapshot->mode));
	hg_text_deinit(&text);
	return err;
}

static void announce(const struct hg_snapshot *snapshot)
{
	struct hg_text text = {0};
	hg_text_printf(&text, "%s mode: process %u will stand still for about ",
		       hg_capture_mode_name(snapshot->mode), snapshot->pid);
	hg_human_time(&text, hg_mode_predict(snapshot, snapshot->mode));
	if (snapshot->mode == HG_CAPTURE_FORK) {
		hg_text_add(&text, "; memory may grow by ");
		hg_human_bytes(&text, expected_growth(snapshot));
		hg_text_add(&text, " for a while");
	}
	hg_log_printf(snapshot->log, snapshot->notice, "%s", hg_text_str(&text));
	hg_text_deinit(&text);
	if (snapshot->mode == HG_CAPTURE_FORK && snapshot->facts.locked)
		hg_log_printf(snapshot->log, HG_LOG_WARNING,
			      "process %u locks its memory; what it writes while its copy is read "
			      "takes page faults again",
			      snapshot->pid);
}

static struct hg_error *choose(struct hg_snapshot *snapshot)
{
	const bool forced = snapshot->limits.mode == HG_CAPTURE_FORK;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const char *reason = table[i].reason(snapshot);
		if (!reason)
			continue;
		if (forced && !table[i].may_overrule)
			return hg_error_create(HG_ERROR_UNSUPPORTED,
					       "process %u cannot be copied: %s", snapshot->pid,
					       reason);
		if (*reason)
			hg_log_printf(snapshot->log, HG_LOG_WARNING, "%s %u: %s",
				      forced ? "copying process" : "stop mode for process",
				      snapshot->pid, reason);
		if (forced)
			continue;
		snapshot->mode = HG_CAPTURE_STOP;
		return NULL;
	}
	snapshot->mode = HG_CAPTURE_FORK;
	return NULL;
}

struct hg_error *hg_mode_decide(struct hg_snapshot *snapshot)
{
	snapshot->mode = snapshot->limits.mode;
	struct hg_error *err = NULL;
	if (snapshot->mode != HG_CAPTURE_NO_STOP && hg_proc_is_frozen(snapshot->pid))
		snapshot->mode = HG_CAPTURE_FROZEN;
	else if (snapshot->mode == HG_CAPTURE_AUTO || snapshot->mode == HG_CAPTURE_FORK)
		err = choose(snapshot);
	if (!err)
		err = check_pause(snapshot);
	if (!err)
		announce(snapshot);
	return err;
}

struct hg_error *hg_mode_fall_back(struct hg_snapshot *snapshot, struct hg_error *why)
{
	if (snapshot->limits.mode == HG_CAPTURE_FORK)
		return why;
	hg_log_printf(snapshot->log, HG_LOG_WARNING, "stop mode: %s", why->message);
	hg_error_destroy(why);
	snapshot->mode = HG_CAPTURE_STOP;
	return check_pause(snapshot);
}
