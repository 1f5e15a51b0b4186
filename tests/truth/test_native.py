"""C and C++: what a global is said to retain is what malloc's used bytes fall by when the program lets go of it.

malloc counts chunks, heapgraph the bytes that the program may use: 8 bytes less a chunk, 16 less for a chunk with a mapping of its
own. So a prediction is retained bytes + 8 * objects, and for the one mapped block 8 more.
"""
import native
from harness import Core, Failed, Target, ask, rows_by

ENV = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
HEADER = 8
ALONE = {
    "c": "g_tree g_list g_ring g_table g_jobs s_cache g_big g_opaque g_records g_matrix g_strings g_buffer g_any".split(),
    "cxx": """g_tree g_weak_cache g_map g_sessions g_list g_deque g_names g_shapes g_function g_any g_variant g_optional g_parents
        g_bits g_big""".split(),
}
MAPPED = {"g_big": HEADER}
BUILDS = {
    "c": [("gcc", "-O0"), ("gcc", "-O2"), ("clang", "-O1"), ("gcc", "-O1 -gdwarf-4")],
    "cxx": [("gcc", "-O0"), ("gcc", "-O2"), ("gcc", "-O1 -gdwarf-4"), ("clang", "-O0"), ("clang", "-O2"), ("libc++", "-O0"),
            ("libc++", "-O2")],
}


def shapes(language, compiler, flags):
    return native.build(f"{language}/shapes", compiler=compiler, flags=flags.split(), variant=flags.replace(" ", ""))


def name_of(root):
    """The variable of a root's name, which may tell the file or function, too."""
    return root.replace("::", ".").split(".")[-1].split(" ")[0]


def predicted(row, name):
    return row["retained"] + HEADER * row["count"] + MAPPED.get(name, 0)


def roots_of(core):
    rows = {}
    for root, row in rows_by(ask("top", core, "--by=root", "-n", "1000000", runtime="glibc"), "root").items():
        rows.setdefault(name_of(root), row)
    return rows


def compare(problems, name, expected, fell):
    if expected != fell:
        problems.append(f"{name}: predicted {expected:,}, fell by {fell:,}")


def one(language, compiler, flags):
    with Target(shapes(language, compiler, flags), env=ENV) as target, Core(target) as core:
        roots, problems = roots_of(core), []
        for name in ALONE[language]:
            fell = target.drop(name)
            if name not in roots:
                problems.append(f"{name}: no row, fell by {fell:,}")
            else:
                compare(problems, name, predicted(roots[name], name), fell)
        check_owners(problems, roots, target)
        if problems:
            raise Failed("; ".join(problems))


def check_owners(problems, roots, target):
    """Two globals own a graph: neither is said to retain it, until the other let go."""
    if "g_owner_a" not in roots or "g_owner_b" not in roots:
        problems.append("the owners of the shared graph have no rows")
        return
    compare(problems, "g_owner_a", predicted(roots["g_owner_a"], ""), target.drop("g_owner_a"))
    with Core(target) as core:
        last = roots_of(core).get("g_owner_b")
    fell = target.drop("g_owner_b")
    if fell < 100000:
        problems.append(f"the shared graph: fell by {fell:,} with its last owner")
    compare(problems, "g_owner_b, alone", predicted(last, "") if last else 0, fell)


def tests():
    for language, builds in BUILDS.items():
        for compiler, flags in builds:
            yield f"{language} {compiler} {flags}", lambda b=(language, compiler, flags): one(*b)
