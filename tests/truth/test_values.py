"""C++ values with old bytes in their storage (fixtures/cxx/values.cc): predictions come true, and paths read as the source does."""
import native
import test_native
from harness import Core, Failed, Target, ask

BUILDS = [(compiler, level) for compiler in ("gcc", "clang", "libc++") for level in ("-O0", "-O2")]
DROPPED = """g_popped g_moved g_row g_optionals g_variants g_expired g_view g_text g_places g_lru g_leaves g_tree g_small g_large g_plain
    g_owner g_with_deleter g_alias g_session g_tuple g_forward g_multimap g_set g_multiset g_anys g_kept""".split()


def predictions(compiler, level):
    program = native.build("cxx/values", compiler=compiler, flags=[level], variant=level)
    with Target(program, env=test_native.ENV) as target, Core(target) as core:
        roots, problems = test_native.roots_of(core), []
        for name in DROPPED:
            row = roots.get(name, {"retained": 0, "count": 0})
            test_native.compare(problems, name, test_native.predicted(row, name), target.drop(name))
        if problems:
            raise Failed("; ".join(problems))


def tests():
    for compiler, level in BUILDS:
        yield f"predictions {compiler} {level}", lambda b=(compiler, level): predictions(*b)
