// A mangled name of C++.

#include <stdlib.h>
#include <string.h>

#include "dwarf/demangle.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct hg_text text = {0};
	char *mangled = malloc(size + 1);
	if (!mangled)
		return 0;
	if (size)
		memcpy(mangled, data, size);
	mangled[size] = '\0';
	hg_demangle_type(mangled, &text);
	hg_demangle_symbol(mangled, &text);
	hg_text_deinit(&text);
	free(mangled);
	return 0;
}
