#include "core/thread.h"

#include "core/base/bytes.h"

void hg_thread_set_regs(struct hg_thread *thread, const struct hg_arch *arch,
			const uint8_t *user_regs)
{
	arch->read_regs(user_regs, thread->regs, &thread->tls);
	thread->syscall =
		arch->syscall_offset ? (int64_t)hg_load_u64(user_regs + arch->syscall_offset) : -1;
	thread->pc = thread->regs[arch->pc_reg];
	thread->sp = thread->regs[arch->sp_reg];
}

/*
 * NT_PRSTATUS of 64-bit Linux, the parts that are read:
 *   OFFSET SIZE MEANING
 *   12     2    signal it stopped for
 *   32     4    thread id
 *   112    ..   registers
 */
bool hg_thread_read(const struct hg_arch *arch, const uint8_t *prstatus, size_t size,
		    struct hg_thread *ret)
{
	if (size < arch->prstatus_regs + arch->user_regs_size)
		return false;
	*ret = (struct hg_thread){
		.tid = hg_load_u32(prstatus + 32),
		.signal = (int16_t)hg_load_u16(prstatus + 12),
	};
	hg_thread_set_regs(ret, arch, prstatus + arch->prstatus_regs);
	return true;
}
