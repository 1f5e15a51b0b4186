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


PATHS = {  # variable of cxx/shapes -> paths that must be below it
    "g_sessions": ["g_sessions", "g_sessions[...].samples", "g_sessions[...].user"],
    "g_list": ["g_list[...].samples", "g_list[...].user"],
    "g_map": ["g_map[...]"],
    "g_names": ["g_names[...]"],
    "g_function": ["g_function.words", "g_function.words[...]", "g_function.table", "g_function.table[...]"],
    "g_weak_cache": ["g_weak_cache.owned", "g_weak_cache.owned[...]", "g_weak_cache.owned[...].samples"],
    "g_parents": ["g_parents.children"],
    "g_tree": ["g_tree.label"],
    "g_shapes": ["g_shapes[...]", "g_shapes[...].points"],
    "g_any": ["g_any", "g_any[...]"],
    "g_variant": ["g_variant", "g_variant[...]"],
    "g_optional": ["g_optional[...]"],
    "g_deque": ["g_deque", "g_deque[...]", "g_deque[...][...].samples"],
}
INNER = ["_M_", "__value_", "__next_", "__data", "__storage_", "__ptr_", "__buf_"]  # must be in no path


def paths(compiler, level):
    program = native.build("cxx/shapes", compiler=compiler, flags=[level], variant=level)
    problems = []
    with Target(program, env=test_native.ENV) as target, Core(target) as core:
        for name, expected in PATHS.items():
            got = {row["path"] for row in ask("why", core, name, "-n", "100000", runtime="glibc")["rows"]}
            problems += [f"{name}: no path {path}" for path in expected if path not in got]
            problems += [f"{name}: {path}" for path in got if any(inner in path for inner in INNER)]
        summary = ask("why", core, "Session", runtime="glibc")["summary"]
        if "shortest path: g_weak_cache.owned[...]" not in summary:
            problems.append(f"Session: {summary}")
    if problems:
        raise Failed("; ".join(problems))


def tests():
    for compiler, level in BUILDS:
        yield f"paths {compiler} {level}", lambda b=(compiler, level): paths(*b)
    for compiler, level in BUILDS:
        yield f"predictions {compiler} {level}", lambda b=(compiler, level): predictions(*b)
