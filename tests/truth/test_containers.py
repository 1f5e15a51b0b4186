"""Containers of the standard library: each global is found to hold its nodes and, through them, what its elements own."""
import native
from harness import Core, Failed, Target, ask, rows_by

ENV = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
BUILDS = [("gcc", "-O0"), ("gcc", "-O2"), ("clang", "-O0"), ("clang", "-O2"), ("libc++", "-O0"), ("libc++", "-O2")]
# Blocks of a container of N elements: (a node and a block that the element owns | a node) each, and tables of its own.
PER_ELEMENT = {
    "g_vector": (1, 1), "g_list": (2, 0), "g_forward_list": (2, 0), "g_map": (2, 0), "g_set": (1, 0), "g_multimap": (2, 0),
    "g_multiset": (1, 0), "g_unordered_map": (2, 1), "g_unordered_set": (1, 1), "g_unordered_multimap": (2, 1),
    "g_unordered_multiset": (1, 1), "g_array": (2, 0),
}
BLOCKS = {"g_unique": 2, "g_any": 2, "g_pair": 3, "g_tuple": 2, "g_bits": 1, "g_optional": 1, "g_variant": 1}


def one(compiler, level):
    program = native.build("cxx/containers", compiler=compiler, flags=[level], variant=level)
    with Target(program, env=ENV) as target, Core(target) as core:
        roots = rows_by(ask("top", core, "--by=root", "-n", "1000000", runtime="glibc"), "root")
        expected = dict(BLOCKS)
        if compiler == "libc++":
            expected["g_any"] = 1  # a string fits into its std::any
        for name, (each, more) in PER_ELEMENT.items():
            expected[name] = target.truths[name + ".length"] * each + more
        problems = []
        for name, blocks in expected.items():
            got = roots[name]["count"] if name in roots else 0
            if got != blocks:
                problems.append(f"{name}: expected {blocks} blocks, got {got}")
        if (got := roots.get("g_deque", {"count": 0})["count"]) <= target.truths["g_deque.length"]:
            problems.append(f"g_deque: expected more than {target.truths['g_deque.length']} blocks, got {got}")
        if problems:
            raise Failed("; ".join(problems))


def tests():
    for compiler, level in BUILDS:
        yield f"{compiler} {level}", lambda b=(compiler, level): one(*b)
