#include "graph/root_thread.h"

#include <signal.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/base/text.h"
#include "dwarf/demangle.h"
#include "dwarf/frame.h"
#include "dwarf/symbol.h"

uint32_t hg_root_symbol(struct hg_program *prog, const char *symbol)
{
	struct hg_text name = {0};
	const char *plain =
		strncmp(symbol, "__GI_", 5) ? symbol : symbol + 5; // glibc's for its own use
	if (strncmp(symbol, "_Z", 2) || !hg_demangle_symbol(symbol, &name))
		hg_text_addn(&name, plain, strcspn(plain, "@")); // a version behind it
	const uint32_t ret = hg_program_string(prog, hg_text_str(&name));
	hg_text_deinit(&name);
	return ret;
}

uint32_t hg_root_function(struct hg_program *prog, uint64_t pc)
{
	const struct hg_symbol *symbol = hg_symbol_at(prog, pc);
	return symbol ? hg_root_symbol(prog, symbol->name) : 0;
}

// What stands above the function that a thread runs on every stack, and tells nothing.
static bool is_starter(const char *name)
{
	static const char *const starters[] = {
		"_start",
		"start_thread",
		"__libc_start_main",
		"clone",
		"clone3",
		"__libc_start_call_main",
		"__clone",
		"__clone3",
		"execute_native_thread_routine",
		"runtime.goexit",
		"thread_start",
		"__libc_start_main_impl",
		"__clone_internal",
		"runtime.goexit.abi0",
	};
	for (size_t i = 0; i < ARRAY_SIZE(starters); i++)
		if (!strcmp(name, starters[i]))
			return true;
	return !strncmp(name, "std::", 5) || !strncmp(name, "void std::", 10);
}

static uint32_t state_of(struct hg_program *prog, const struct hg_thread *thread, bool is_first)
{
	const struct hg_arch *arch = prog->image->arch;
	const uint64_t faults = 1ull << SIGSEGV | 1ull << SIGABRT | 1ull << SIGBUS |
				1ull << SIGFPE | 1ull << SIGILL | 1ull << SIGSYS;
	char words[64];
	// The kernel says of all threads of a core what the first one died of.
	if (is_first && thread->signal > 0 && thread->signal < 64 &&
	    (faults >> thread->signal & 1)) {
		snprintf(words, sizeof(words), "signal %d", thread->signal);
		return hg_program_string(prog, words);
	}
	if (thread->syscall < 0)
		return hg_program_string(prog, "running");
	const char *name = arch->syscall_name ? arch->syscall_name(thread->syscall) : NULL;
	if (name)
		return hg_program_string(prog, name);
	snprintf(words, sizeof(words), "system call %lld", (long long)thread->syscall);
	return hg_program_string(prog, words);
}

static void find_functions(struct hg_program *prog, const struct hg_thread *thread,
			   struct hg_thread_info *info)
{
	struct hg_frame frame, caller;
	hg_frame_start(prog->image, thread, &frame);
	for (unsigned i = 0; i < HG_MAX_FRAMES; i++, frame = caller) {
		const uint32_t name = hg_root_function(prog, hg_frame_lookup_pc(&frame));
		info->function = info->function ? info->function : name;
		if (name && (!info->start || !is_starter(hg_program_text(prog, name))))
			info->start = name;
		const enum hg_frame_status status = hg_frame_unwind(prog, &frame, &caller);
		if (status == HG_FRAME_OUTERMOST || status == HG_FRAME_LOST)
			return;
	}
}

struct hg_error *hg_roots_threads(struct hg_program *prog, struct hg_roots *roots)
{
	const hg_threads *threads = &prog->image->threads;
	for (size_t i = 0; i < threads->count; i++) {
		const struct hg_thread *thread = &threads->data[i];
		struct hg_thread_info *info = hg_vec_push(&roots->threads);
		char name[sizeof(thread->name) + 1] = "";
		if (!info)
			return &hg_enomem;
		memcpy(name, thread->name, sizeof(thread->name));
		*info = (struct hg_thread_info){
			.tid = thread->tid,
			.name = *name ? hg_program_string(prog, name) : 0,
			.state = state_of(prog, thread, !i),
		};
		find_functions(prog, thread, info);
	}
	return NULL;
}
