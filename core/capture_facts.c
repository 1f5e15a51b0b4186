// What smaps tells of a process before it is stopped.

#include <string.h>

#include "core/capture_snapshot.h"

/** Figures of one mapping, in bytes, and its flags. */
struct part {
	uint64_t start, end, resident, anonymous, huge, hugetlb, locked;
};

static struct hg_error *add_omitted(struct hg_snapshot *snapshot, const struct part *part,
				    enum hg_absence why)
{
	struct hg_absent *absent = hg_vec_push(&snapshot->omitted);
	if (!absent)
		return &hg_enomem;
	*absent = (struct hg_absent){part->start, part->end - part->start, why};
	return NULL;
}

static struct hg_error *add_special(struct hg_snapshot *snapshot, const struct part *part,
				    bool shared)
{
	struct hg_special *special = hg_vec_push(&snapshot->specials);
	if (!special)
		return &hg_enomem;
	*special = (struct hg_special){part->start, part->end, part->resident, shared, false};
	return NULL;
}

static bool has_flag(const char *line, const char *flag)
{
	const char *at = strstr(line, flag);
	return at && at[-1] == ' ' && (at[2] == ' ' || !at[2]);
}

/**
 * "dd": not for dumps (programs keep secrets there); "wf": wiped in a child (keys, states of random numbers); "io", "pf":
 * memory of a device; "dc": not in a copy of the process; "um", "uw", "ui": another program serves its page faults.
 */
static struct hg_error *add_part(struct hg_snapshot *snapshot, const struct part *part,
				 const char *flags)
{
	struct hg_facts *facts = &snapshot->facts;
	facts->anonymous += part->anonymous;
	facts->huge += part->huge;
	facts->hugetlb += part->hugetlb;
	facts->locked += part->locked;
	facts->user_faults |=
		has_flag(flags, "um") || has_flag(flags, "uw") || has_flag(flags, "ui");
	if (has_flag(flags, "io") || has_flag(flags, "pf"))
		return add_omitted(snapshot, part, HG_ABSENT_DEVICE);
	if (has_flag(flags, "dd") || has_flag(flags, "wf"))
		return add_omitted(snapshot, part, HG_ABSENT_ASKED);
	if (has_flag(flags, "dc"))
		return add_special(snapshot, part, false);
	return has_flag(flags, "sh") ? add_special(snapshot, part, true) : NULL;
}

static bool take_figure(const char *line, const char *name, uint64_t *ret)
{
	const size_t length = strlen(name);
	if (strncmp(line, name, length))
		return false;
	*ret += strtoull(line + length, NULL, 10) << 10;
	return true;
}

struct hg_error *hg_facts_read(struct hg_snapshot *snapshot)
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "/proc/%u/smaps", snapshot->pid);
	if (err) { // not in every container
		hg_error_destroy(err);
		return NULL;
	}
	snapshot->facts.known = true;
	struct part part = {0};
	bool is_kernels = false;
	char *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		uint64_t from, to;
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
			part = (struct part){.start = from, .end = to};
			is_kernels = strstr(line, "[vvar") || strstr(line, "[vsyscall]");
		} else if (take_figure(line, "Rss:", &part.resident) ||
			   take_figure(line, "Anonymous:", &part.anonymous) ||
			   take_figure(line, "AnonHugePages:", &part.huge) ||
			   take_figure(line, "Private_Hugetlb:", &part.hugetlb) ||
			   take_figure(line, "Locked:", &part.locked))
			continue;
		else if (!strncmp(line, "VmFlags:", 8) && !is_kernels)
			err = add_part(snapshot, &part, line);
		if (err)
			return err;
	}
	return NULL;
}
