#include "core/arch.h"

#include <elf.h>

#include "core/base/cleanup.h"

static const struct hg_arch *const arches[] = {
	&hg_arch_x86_64,
	&hg_arch_aarch64,
};

static const struct {
	uint16_t elf_machine;
	const char *name;
} machine_names[] = {
	{EM_386, "i386"},    {EM_ARM, "arm"},	  {EM_AARCH64, "arm64"}, {EM_X86_64, "x86-64"},
	{EM_RISCV, "riscv"}, {EM_PPC64, "ppc64"}, {EM_PPC, "ppc"},	 {EM_S390, "s390"},
	{EM_MIPS, "mips"},   {EM_SPARC, "sparc"}, {EM_SPARCV9, "sparc"}, {EM_IA_64, "ia64"},
	{258, "loongarch"},  {EM_68K, "m68k"},	  {EM_ALPHA, "alpha"},	 {EM_BPF, "bpf"},
	{EM_PARISC, "hppa"},
};

const struct hg_arch *hg_arch_find(uint16_t elf_machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
		if (arches[i]->elf_machine == elf_machine)
			return arches[i];
	return NULL;
}

const struct hg_arch *hg_arch_host(void)
{
#if defined(__x86_64__)
	return &hg_arch_x86_64;
#elif defined(__aarch64__)
	return &hg_arch_aarch64;
#else
	return NULL;
#endif
}

const char *hg_arch_machine_name(uint16_t elf_machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(machine_names); i++)
		if (machine_names[i].elf_machine == elf_machine)
			return machine_names[i].name;
	return "another machine";
}
