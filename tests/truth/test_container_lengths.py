"""Containers of the C++ library: length, capacity, owners and element type of each are what the program itself printed; so are the
sums over all of a type, wherever they lie."""
import re
import subprocess

import contract
import native
from harness import Core, Failed, Target, ask, rows_by

ENV = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
BUILDS = [(compiler, level) for compiler in ("gcc", "clang", "libc++") for level in ("-O0", "-O2")]
PENDING = [("gcc", "-O2")]  # places of a deque that no element has any more are followed
PENDING_SUSPECTS = [("libc++", "-O0"), ("libc++", "-O2")]  # the one node of a short deque is named in its stead
SUMS = {  # what the fixture calls them, and their type; g_pair's and g_long's strings are told apart by g_nested's alone
    "maps": "std::map<int, std::vector<std::string>>",
    "vectors": "std::vector<std::string>",
}
# One block for each element, which is of a type of its own.
OWNERS = ["g_vector", "g_deque", "g_list", "g_forward_list", "g_map", "g_multimap", "g_unordered_map", "g_unordered_multimap"]


def plain(name):
    """A type's name without what the libraries hide in it, and without spaces."""
    name = re.sub(r"__1::|__cxx11::", "", name)
    name = re.sub(r"\b(const) (\w+)", r"\2 \1", name)
    for default in ("default_delete", "allocator", "less", "char_traits"):
        while (at := name.find(f", std::{default}<")) >= 0:
            end, depth = name.index("<", at), 0
            while True:
                depth += {"<": 1, ">": -1}.get(name[end], 0)
                end += 1
                if not depth:
                    break
            name = name[:at] + name[end:]
    return name.replace(" ", "").replace("std::basic_string<char>", "std::string")


def demangle(name):
    return subprocess.run(["c++filt", "-t", name], capture_output=True, text=True, check=True).stdout.strip()


def compare(core, name, truths, problems):
    report = ask("why", core, name, runtime="glibc")
    row = report["rows"][0]
    for key in ("length", "capacity", "owners"):
        expected = truths.get(f"{name}.{key}")
        if expected is not None and row.get(key) != expected:
            problems.append(f"{name}.{key}: expected {expected}, got {row.get(key)}")
    mangled = truths.get(f"{name}.element")
    if mangled is not None:
        expected, got = plain(demangle(str(mangled))), plain(row.get("element", "none"))
        if expected != got:
            problems.append(f"{name}.element: expected {expected}, got {got}")


def owned_below(core, name):
    return sum(t["count"] for t in ask("why", core, name, runtime="glibc")["types"] if t["type"].startswith("long"))


def opened(compiler, level):
    program = native.build("cxx/containers", compiler=compiler, flags=[level, "-std=gnu++20"], variant=level + "-20")
    return program, Target(program, env=ENV)


def elements(compiler, level):
    """As many elements are reached through a container as it has."""
    with opened(compiler, level)[1] as target, Core(target) as core:
        problems = []
        for name in OWNERS:
            expected, got = target.truths[f"{name}.length"], owned_below(core, name)
            if expected != got:
                problems.append(f"{name}: expected {expected} elements below it, got {got}")
        if problems:
            raise Failed("; ".join(problems))


def lengths(compiler, level):
    program, target = opened(compiler, level)
    with target, Core(target) as core:
        truths, problems = target.truths, []
        told = program.read_bytes()
        if b"__shared_owners_" not in told and b"_M_use_count" not in told:  # clang leaves out classes of libc++.so
            truths = {key: value for key, value in truths.items() if not key.endswith(".owners")}
        names = sorted({key.split(".")[0] for key in truths if key.startswith("g_")})
        for name in names:
            compare(core, name, truths, problems)
        report = ask("top", core, "--by=container", "-n", "1000", runtime="glibc")
        contract.check(report, by="container", runtime="glibc")
        rows = rows_by(report, "type")
        for word, kind in SUMS.items():
            for key in ("count", "length", "capacity"):
                expected, got = truths.get(f"{word}.{key}"), rows.get(kind, {}).get(key)
                if expected is not None and expected != got:
                    problems.append(f"{kind}: expected {key} {expected}, got {got}")
        broken = [n for n in report["coverage"]["notes"] if "contradict" in n]
        if broken:
            problems.append(broken[0])
        if problems:
            raise Failed("; ".join(problems))
        return f"{len(names)} containers"


def suspects(compiler, level):
    """analyze names the container and counts its elements."""
    with opened(compiler, level)[1] as target, Core(target) as core:
        rows, problems = rows_by(ask("analyze", core, "-n", "1000", runtime="glibc"), "label"), []
        for name in OWNERS:
            expected, got = target.truths[f"{name}.length"], rows.get(name, {}).get("entries")
            if expected != got:
                problems.append(f"{name}: expected {expected} entries, got {got}")
        if problems:
            raise Failed("; ".join(problems))


def tests(builds=tuple(BUILDS)):
    for compiler, level in builds:
        yield f"lengths {compiler} {level}", lambda b=(compiler, level): lengths(*b)
        if (compiler, level) not in PENDING:
            yield f"elements {compiler} {level}", lambda b=(compiler, level): elements(*b)
        if (compiler, level) not in PENDING_SUSPECTS:
            yield f"suspects {compiler} {level}", lambda b=(compiler, level): suspects(*b)


def pending():
    for compiler, level in PENDING:
        yield f"elements {compiler} {level}", lambda b=(compiler, level): elements(*b)
    for compiler, level in PENDING_SUSPECTS:
        yield f"suspects {compiler} {level}", lambda b=(compiler, level): suspects(*b)
