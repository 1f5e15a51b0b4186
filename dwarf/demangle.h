/**
 * Names of C++ as the linker has them, made readable as in debug info: "N2ns7SessionE" is "ns::Session".
 */
#ifndef HG_DWARF_DEMANGLE_H
#define HG_DWARF_DEMANGLE_H

#include "core/base/text.h"

/** Writes the name of a symbol ("_ZN2ns3runEi": "ns::run", without parameters; "_ZTVN2ns7SessionE": "ns::Session", as of all
 * tables of a class) or of a type ("N2ns7SessionE", what typeinfo holds). False, and nothing written, where it is neither.
 */
bool hg_demangle_symbol(const char *mangled, struct hg_text *out);
bool hg_demangle_type(const char *mangled, struct hg_text *out);

#endif
