#include "graph/heap/heap_go_stack.h"

#include <elf.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"

// A goroutine that runs has no saved place: its thread's registers tell, unless the thread has left the goroutine's
// stack for its own (scheduler, system calls) or for the signal stack.

enum { /* DWARF numbers, x86-64 */
       REG_RSP = 7,
       REG_PC = 16,
       MAX_SIGNAL_FRAMES = 8,
};

/*
 * What the kernel pushes for a signal handler on x86-64, from the return address on
 *    0   8  return address
 *    8   8  uc_flags, 16 uc_link
 *   24   8  uc_stack.ss_sp, 32 ss_flags, 40 ss_size: the signal stack itself
 *   48 136  registers: r8-r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip
 */
static const uint8_t signal_regs[] = {8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16};

static struct go_m *m_of(struct go_stacks *s, const struct hg_map *map, uint64_t key)
{
	const uint64_t *index = hg_map_get(map, key);
	return index ? &s->ms.data[*index - 1] : NULL;
}

static bool m_read(struct go_stacks *s, uint64_t addr, struct go_m *m)
{
	const struct hg_program *prog = s->r.go->prog;
	const struct go_stack_layout *at = &s->at;
	uint64_t procid = 0;
	*m = (struct go_m){.addr = addr};
	if (!hg_field_read(prog, &at->m_g0, addr, &m->g0) ||
	    !hg_field_read(prog, &at->m_gsignal, addr, &m->gsignal) ||
	    !hg_field_read(prog, &at->m_curg, addr, &m->curg) ||
	    !hg_field_read(prog, &at->m_procid, addr, &procid))
		return false;
	m->procid = (uint32_t)procid;
	hg_field_read(prog, &at->m_vdso_sp, addr, &m->vdso_sp);
	hg_field_read(prog, &at->m_vdso_pc, addr, &m->vdso_pc);
	if (m->gsignal) {
		hg_field_read(prog, &at->g_lo, m->gsignal, &m->signal_lo);
		hg_field_read(prog, &at->g_hi, m->gsignal, &m->signal_hi);
	}
	return true;
}

static void index_put(struct go_stacks *s, struct hg_map *map, uint64_t key, size_t index)
{
	uint64_t *place = key ? hg_map_put(map, key) : NULL;
	if (place)
		*place = index + 1;
	else if (key)
		s->r.failed = true;
}

/** Which M a thread carries: by the g in its thread-local storage; else by its id, which another PID namespace hides. */
static void threads_match(struct go_stacks *s)
{
	const struct hg_image *image = s->r.go->prog->image;
	const bool amd64 = image->arch && image->arch->elf_machine == EM_X86_64;
	for (size_t i = 0; amd64 && i < image->threads.count; i++) {
		const struct hg_thread *thread = &image->threads.data[i];
		uint64_t g = 0;
		if (!thread->tls || !hg_image_u64(image, thread->tls - 8, &g))
			continue;
		struct go_m *m = m_of(s, &s->m_by_g, g);
		if (m && !m->thread)
			m->thread = thread;
	}
	for (size_t i = 0; i < s->ms.count; i++) {
		struct go_m *m = &s->ms.data[i];
		for (size_t j = 0; !m->thread && m->procid && j < image->threads.count; j++) {
			if (image->threads.data[j].tid == m->procid)
				m->thread = &image->threads.data[j];
		}
	}
}

/** Threads belong to the runtime, whoever else points to one: each goroutine that runs or waits on it does. */
static void threads_own(struct go_stacks *s)
{
	struct hg_program *prog = s->r.go->prog;
	const uint32_t padded = hg_type_find(prog, "runtime.mPadded"); // Go 1.25
	const uint32_t type = padded ? padded : hg_type_find(prog, "runtime.m");
	uint32_t root = 0;
	for (size_t i = 0; i < s->ms.count; i++) {
		if (!go_is_block(&s->r, s->ms.data[i].addr))
			continue; // the first one is no heap object
		if (!root)
			root = go_root(&s->r, 0, HG_ROOT_RUNTIME, "threads");
		go_root_edge(&s->r, &(struct hg_root_edge){
					    .target = s->ms.data[i].addr,
					    .root = root,
					    .type = type,
					    .flags = HG_EDGE_OWNER,
				    });
	}
}

struct hg_error *go_threads_open(struct go_stacks *s)
{
	uint64_t addr = 0;
	struct go_walk walk = {.limit = HG_MAX_THREADS};
	if (!go_global_u64(s->r.go, "runtime.allm", &addr))
		return NULL;
	while (addr) {
		struct go_m m;
		if (!go_walk_step(&walk, addr) || !m_read(s, addr, &m)) {
			hg_coverage_add(s->r.go->coverage, "broken lists of threads (runtime.allm)",
					1);
			break;
		}
		struct go_m *place = hg_vec_push(&s->ms);
		if (!place)
			return &hg_enomem;
		*place = m;
		const size_t index = s->ms.count - 1;
		index_put(s, &s->m_by_addr, addr, index);
		index_put(s, &s->m_by_g, m.g0, index);
		index_put(s, &s->m_by_g, m.gsignal, index);
		index_put(s, &s->m_by_g, m.curg, index);
		if (!hg_field_read(s->r.go->prog, &s->at.m_alllink, addr, &addr))
			addr = 0;
	}
	threads_match(s);
	threads_own(s);
	return s->r.failed ? &hg_enomem : NULL;
}

/** The registers that a signal handler interrupted, from the frame that the kernel pushed above sp. */
static bool signal_frame(struct go_stacks *s, const struct go_m *m, uint64_t sp, uint64_t *regs)
{
	const struct hg_image *image = s->r.go->prog->image;
	uint64_t size = 0;
	const uint8_t *bytes = hg_image_view_some(image, sp & ~7ull, &size);
	if (size > m->signal_hi - sp)
		size = m->signal_hi - sp;
	for (uint64_t at = 0; bytes && at + 184 <= size; at += 8) {
		if (hg_load_u64(bytes + at + 24) != m->signal_lo ||
		    hg_load_u64(bytes + at + 40) != m->signal_hi - m->signal_lo)
			continue;
		for (unsigned i = 0; i < ARRAY_SIZE(signal_regs); i++)
			regs[signal_regs[i]] = hg_load_u64(bytes + at + 48 + i * 8);
		return true;
	}
	return false;
}

static bool on_stack(uint64_t sp, uint64_t lo, uint64_t hi)
{
	return sp >= lo && sp < hi;
}

/** Of a goroutine that runs: false where its thread stands on another stack and nothing was saved. */
static bool running_start(struct go_stacks *s, const struct go_g *g, struct go_start *ret)
{
	const struct go_m *m = m_of(s, &s->m_by_addr, g->m);
	if (!m)
		m = m_of(s, &s->m_by_g, g->addr);
	if (!m || !m->thread)
		return false;
	const struct hg_arch *arch = s->r.go->prog->image->arch;
	for (unsigned i = 0; i < HG_ARCH_MAX_REGS; i++)
		ret->regs[i] = m->thread->regs[i];
	uint64_t sp = m->thread->sp, pc = m->thread->pc;
	for (unsigned i = 0; i < MAX_SIGNAL_FRAMES && arch->elf_machine == EM_X86_64; i++) {
		if (!on_stack(sp, m->signal_lo, m->signal_hi) || !signal_frame(s, m, sp, ret->regs))
			break;
		sp = ret->regs[REG_RSP];
		pc = ret->regs[REG_PC];
	}
	if (on_stack(sp, g->lo, g->hi)) {
		ret->sp = sp;
		ret->pc = pc;
		ret->exact = ret->has_regs = true;
		return true;
	}
	// A call into the vDSO goes to the thread's stack without saving the goroutine's place in sched.
	if (on_stack(m->vdso_sp, g->lo, g->hi)) {
		ret->sp = m->vdso_sp;
		ret->pc = m->vdso_pc;
		return true;
	}
	ret->sp = g->sched_sp;
	ret->pc = g->sched_pc;
	return on_stack(g->sched_sp, g->lo, g->hi);
}

bool go_stack_start(struct go_stacks *s, const struct go_g *g, struct go_start *ret)
{
	*ret = (struct go_start){.sp = g->sched_sp, .pc = g->sched_pc};
	if (g->status == GO_IDLE || g->status == GO_DEAD || g->status == GO_DEADEXTRA || !g->hi)
		return false;
	if (g->syscallsp) {
		ret->sp = g->syscallsp;
		ret->pc = g->syscallpc;
	} else if (g->status == GO_RUNNING && !running_start(s, g, ret)) {
		hg_coverage_add(s->r.go->coverage, "running goroutines whose place is unknown", 1);
		ret->sp = g->lo;
		ret->words = true;
	} else if (g->status == GO_COPYSTACK) {
		hg_coverage_add(s->r.go->coverage, "goroutines whose stack was being copied", 1);
		ret->words = true;
	}
	if (on_stack(ret->sp, g->lo, g->hi) && ret->sp % 8 == 0)
		return true;
	hg_coverage_add(s->r.go->coverage, "goroutines with a damaged stack pointer", 1);
	return false;
}
