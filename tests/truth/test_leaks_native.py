"""Leaks of C and C++: the same blocks in the same classes as valgrind's memcheck, and as LeakSanitizer but for what it sees otherwise."""
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections import Counter

import native
from harness import Core, Failed, LIMIT, Skipped, Target, ask

ENV = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
CLASSES = {"Leak_DefinitelyLost": "definite", "Leak_IndirectlyLost": "indirect", "Leak_PossiblyLost": "possible"}
# LeakSanitizer differs, by size asked for. Dead stack slots: some words below main's frame are still above the stack pointer
# when it looks, at exit, so that it misses a few of the 40. Interior pointers keep blocks alive (it has no class for them). A
# cycle has no first block: all are indirect, where memcheck and heapgraph name one that stands for the others.
LSAN_MISSES_SOME = {2000}
LSAN_SEES_NOT = {4000, 604}


def usable(size):
    """What malloc makes of a size."""
    return max(24, (size + 8 + 15) // 16 * 16 - 8)


def program(language, flags=("-O1",), variant="leaks"):
    return native.build(f"{language}/leaks", flags=flags, variant=variant)


def by_heapgraph(source):
    rows = ask("leaks", source, "-n", "1000000", runtime="glibc")["rows"]
    found = Counter()
    for row in rows:
        found[row["class"], row["size"]] += row["count"]
    return found


def by_memcheck(path):
    if not shutil.which("valgrind"):
        raise Skipped("no valgrind here")
    done = subprocess.run(["valgrind", "--leak-check=full", "--show-leak-kinds=all", "--leak-resolution=high", "--errors-for-leak-kinds=all", "--xml=yes",
                           "--xml-fd=1", path, "exit"], capture_output=True, text=True, timeout=LIMIT)
    found = Counter()
    for error in ElementTree.fromstring(done.stdout).iter("error"):
        kind, what = CLASSES.get(error.findtext("kind")), error.find("xwhat")
        if kind:
            blocks, text = int(what.findtext("leakedblocks")), what.findtext("text")
            direct = re.search(r"\(([\d,]+) direct", text)
            size = int(direct.group(1).replace(",", "")) if direct else int(what.findtext("leakedbytes"))
            if size % blocks:
                raise Failed(f"memcheck puts blocks of several sizes together: {text}")
            found[kind, usable(size // blocks)] += blocks
    return found


def by_lsan(path):
    done = subprocess.run([path, "exit"], capture_output=True, text=True, timeout=LIMIT, check=False,
                          env={**os.environ, "LSAN_OPTIONS": "report_objects=1"})
    if "encountered a fatal error" in done.stderr:
        raise Skipped("LeakSanitizer cannot work here")
    found = Counter()
    for size in re.findall(r"^0x[0-9a-f]+ \((\d+) bytes\)", done.stderr, re.MULTILINE):
        found[int(size)] += 1
    return found


def compare(name, expected, got):
    if expected != got:
        more = {k: (expected[k], got[k]) for k in expected.keys() | got.keys() if expected[k] != got[k]}
        raise Failed(f"{name} and heapgraph differ, (class, size): (expected, got): {more}")


def memcheck(language, as_core):
    path = program(language)
    expected = by_memcheck(path)
    with Target(path, env=ENV) as target:
        if not as_core:
            compare("memcheck", expected, by_heapgraph(target.pid))
        else:
            with Core(target) as core:
                compare("memcheck", expected, by_heapgraph(core))
    return f"{sum(expected.values())} blocks"


def lsan(language):
    sizes = by_lsan(program(language, ("-O1", "-fsanitize=leak"), "lsan"))
    with Target(program(language), env=ENV) as target:
        found = Counter()
        for (_, size), count in by_heapgraph(target.pid).items():
            found[size] += count
    for size in LSAN_SEES_NOT:
        found.pop(usable(size), None)
    expected = Counter()
    for size, count in sizes.items():
        expected[usable(size)] += count
    for size in map(usable, LSAN_MISSES_SOME):
        if expected[size] < found[size]:
            expected[size] = found[size]
    compare("LeakSanitizer", expected, found)


def tests(language="c"):
    yield f"{language} memcheck", lambda: memcheck(language, False)
    yield f"{language} memcheck core", lambda: memcheck(language, True)
    yield f"{language} LeakSanitizer", lambda: lsan(language)
