#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/error.h"
#include "dwarf/demangle.h"

static void expect(bool (*demangle)(const char *mangled, struct hg_text *out), const char *mangled,
		   const char *name)
{
	struct hg_text text = {0};
	const bool ok = demangle(mangled, &text);
	if (!name)
		assert_false(ok);
	assert_string_equal(hg_text_str(&text), name ? name : "");
	hg_text_deinit(&text);
}

// Each as c++filt writes it.
static void names_types(void **state)
{
	(void)state;
	expect(hg_demangle_type, "4Free", "Free");
	expect(hg_demangle_type, "N2ns7SessionE", "ns::Session");
	expect(hg_demangle_type, "N2ns12_GLOBAL__N_16HiddenE", "ns::(anonymous namespace)::Hidden");
	expect(hg_demangle_type, "N2ns3BoxIPKcLm3EEE", "ns::Box<char const*, 3>");
	expect(hg_demangle_type, "N2ns4PackIJiPKcEEE", "ns::Pack<int, char const*>");
	expect(hg_demangle_type, "N2ns4PackIJEEE", "ns::Pack<>");
	expect(hg_demangle_type, "St6vectorIiSaIiEE", "std::vector<int, std::allocator<int> >");
	expect(hg_demangle_type, "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE",
	       "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >");
	expect(hg_demangle_type,
	       "N2ns3BoxISt3mapIiPKNS_7SessionESt4lessIiESaISt4pairIKiS4_EEELm7EEE",
	       "ns::Box<std::map<int, ns::Session const*, std::less<int>, "
	       "std::allocator<std::pair<int const, ns::Session const*> > >, 7>");
	expect(hg_demangle_type,
	       "St23_Sp_counted_ptr_inplaceIN2ns7SessionESaIvELN9__gnu_cxx12_Lock_policyE2EE",
	       "std::_Sp_counted_ptr_inplace<ns::Session, std::allocator<void>, "
	       "(__gnu_cxx::_Lock_policy)2>");
	expect(hg_demangle_type, "1AIPFicEE", "A<int (*)(char)>");
	expect(hg_demangle_type, "1AILb1ELin5EE", "A<true, -5>");
	expect(hg_demangle_type, "Z4mainE5Local", "main()::Local");
	expect(hg_demangle_type, "ZN2ns3runEiE5Local", "ns::run()::Local");
	expect(hg_demangle_type, "Z4mainEUlvE_", "main()::{lambda()#1}");
}

static void names_symbols(void **state)
{
	(void)state;
	expect(hg_demangle_symbol, "_ZTVN2ns7SessionE", "ns::Session");
	expect(hg_demangle_symbol, "_ZTI4Free", "Free");
	expect(hg_demangle_symbol, "_ZN2ns3runEi", "ns::run");
	expect(hg_demangle_symbol, "_ZN2ns7SessionD1Ev", "ns::Session::~Session");
	expect(hg_demangle_symbol, "_ZNK2ns7Session3getEv", "ns::Session::get");
	expect(hg_demangle_symbol, "_ZN2ns10g_sessionsE", "ns::g_sessions");
	expect(hg_demangle_symbol, "_ZN4PoolIN2ns1VEE4poolE", "Pool<ns::V>::pool");
	expect(hg_demangle_symbol, "_ZZ3getvE5cache", "get()::cache");
	expect(hg_demangle_symbol, "main", NULL);
}

static void refuses_nonsense(void **state)
{
	static const char *const nonsense[] = {
		"",    "N",	 "N2ns",  "N2nsE7",  "99999999x", "S5_",  "I",
		"1AI", "1AIiE5", "PPPP",  "1AIXsrE", "T_",	  "_ZTV", "_ZTVN",
		"_Z",  "Z4main", "1AILi", "1AILi5",  "1AIJ",	  "St",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++) {
		expect(hg_demangle_type, nonsense[i], NULL);
		expect(hg_demangle_symbol, nonsense[i], NULL);
	}
	char deep[4096];
	memset(deep, 'P', sizeof(deep));
	deep[sizeof(deep) - 1] = '\0';
	expect(hg_demangle_type, deep, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_types),
		cmocka_unit_test(names_symbols),
		cmocka_unit_test(refuses_nonsense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
