"""Leaks of C and C++: the same blocks in the same classes as valgrind's memcheck and as LeakSanitizer, which look at the same place of
the same program. Where they and heapgraph differ on purpose, a table says what each says of a size, and why; nothing else may."""
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections import Counter

import native
from harness import Core, Failed, LIMIT, Skipped, Target, ask, expect

ENV = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
KINDS = {"Leak_DefinitelyLost": "definite", "Leak_IndirectlyLost": "indirect", "Leak_PossiblyLost": "possible",
         "Direct": "definite", "Indirect": "indirect"}
STALE = "the words that hold it were written by a call that is over, and lie in a frame that has not written there"
CYCLE = "a cycle has no first block for LeakSanitizer; memcheck and heapgraph let one stand for the others"
NODES = "the nodes of a container lead back to it: a cycle, which has no first block for LeakSanitizer"
INSIDE = "for LeakSanitizer a pointer into the middle is as good as any other; memcheck and heapgraph have a class for them"
# Sizes asked for -> (what the other says, what heapgraph says, why); classes that are not named: none of that size is lost.
MEMCHECK = {
    "c": {
        2300: ({"definite": 40, "indirect": 40}, {"stale": 80}, STALE + "; memcheck alone knows which words were written since"),
        4200: ({"possible": 1}, {}, "the length is 6 bytes short of what was asked for, which only memcheck knows: malloc's 4200 fit"),
    },
    "cxx": {
        8: ({"definite": 1}, {"possible": 1}, "of an array of none, memcheck takes the pointer behind the count for one behind the block, where "
                                              "heapgraph sees the 24 bytes that malloc made of 8, but not that they are an array"),
        3376: ({"possible": 1}, {}, "memcheck does not know that a count may take 16 bytes"),
    },
}
MEMCHECK["cxx before C++11"] = MEMCHECK["cxx"]
LSAN = {
    "c": {
        2300: ({}, {"stale": 80}, STALE + "; LeakSanitizer takes them for pointers"),
        300: ({"indirect": 8}, {"definite": 1, "indirect": 7}, CYCLE),
        320: ({"indirect": 2}, {"definite": 1, "indirect": 1}, CYCLE),
        340: ({"indirect": 100}, {"definite": 1, "indirect": 99}, CYCLE),
        440: ({"indirect": 6}, {"definite": 2, "indirect": 4}, CYCLE),
        288: ({}, {"possible": 3}, "tables of the dynamic loader, one for each thread: LeakSanitizer knows them. " + INSIDE),
        4000: ({}, {"possible": 1}, INSIDE),
        600: ({}, {"possible": 3}, INSIDE),
        4300: ({}, {"possible": 1}, INSIDE),
    },
    "cxx": {
        536: ({"indirect": 2}, {"definite": 1, "indirect": 1}, CYCLE),
        88: ({"indirect": 4}, {"definite": 1, "indirect": 3}, CYCLE),
        360: ({"indirect": 1}, {"definite": 1}, NODES),
        380: ({"indirect": 1}, {"definite": 1}, NODES),
        400: ({"indirect": 1}, {"definite": 1}, NODES),
        952: ({}, {"possible": 1}, INSIDE),
        8: ({}, {"possible": 1}, INSIDE),
        5000: ({}, {"possible": 1}, INSIDE),
    },
}
FLAGS = {"cxx before C++11": ("-O1", "-D_GLIBCXX_USE_CXX11_ABI=0")}


def usable(size):
    """What malloc makes of a size."""
    return max(24, (size + 8 + 15) // 16 * 16 - 8)


def program(language, *flags):
    flags = FLAGS.get(language, ("-O1",)) + flags
    return native.build(f"{language.split()[0]}/leaks", flags=flags, variant="leaks" + "".join(flags).replace("=", ""))


def by_heapgraph(source, *words):
    found = Counter()
    for row in ask("leaks", source, "-n", "1000000", *words, runtime="glibc")["rows"]:
        expect(f"bytes of {row}", row["count"] * row["size"], row["bytes"])
        found[row["class"], row["size"]] += row["count"]
    return found


def by_memcheck(path):
    if not shutil.which("valgrind"):
        raise Skipped("no valgrind here")
    done = subprocess.run(["valgrind", "--leak-check=no", "--leak-check-heuristics=all", "--show-leak-kinds=all", "--leak-resolution=high",
                           "--errors-for-leak-kinds=all", "--xml=yes", "--xml-fd=1", path, "check"], capture_output=True, text=True,
                          timeout=LIMIT, check=False)
    found = Counter()
    for error in ElementTree.fromstring(done.stdout):
        if error.findtext("state") == "FINISHED":
            break  # what follows was found at the end, and not where the program asked
        kind, what = KINDS.get(error.findtext("kind")), error.find("xwhat")
        if kind:
            blocks, text = int(what.findtext("leakedblocks")), what.findtext("text")
            direct = re.search(r"\(([\d,]+) direct", text)
            size = int(direct.group(1).replace(",", "")) if direct else int(what.findtext("leakedbytes"))
            if size % blocks:
                raise Failed(f"memcheck puts blocks of several sizes together: {text}")
            found[kind, usable(size // blocks)] += blocks
    if not found:
        raise Skipped("memcheck was not asked: the program was built without its header")
    return found


def by_memcheck_twice(path):
    """What memcheck says in two runs, one after the other. In one of many it takes a word that is another one in each run for a
    pointer into the middle of a block, and what hangs on that for possibly lost; heapgraph has no part in it."""
    before = by_memcheck(path)
    for _ in range(4):
        found = by_memcheck(path)
        if found == before:
            return found
        before = found
    raise Failed(f"memcheck says something else in each of five runs, last {found}")


def by_lsan(path):
    done = subprocess.run([path, "check"], capture_output=True, text=True, timeout=LIMIT, check=False,
                          env={**os.environ, "LSAN_OPTIONS": "report_objects=1", "ASAN_OPTIONS": "detect_leaks=1"})
    if "encountered a fatal error" in done.stderr:
        raise Skipped("LeakSanitizer cannot work here")
    found, kind = Counter(), None
    for line in done.stderr.splitlines():
        if start := re.match(r"(Direct|Indirect) leak of", line):
            kind = KINDS[start.group(1)]
        elif thing := re.match(r"0x[0-9a-f]+ \((\d+) bytes\)", line):
            found[kind, usable(int(thing.group(1)))] += 1
    return found


def compare(name, found, differences, got):
    """Takes the differences that are explained out of what another found; the rest must be what heapgraph got."""
    expected = found.copy()
    for size, (theirs, ours, why) in differences.items():
        said = {kind: count for (kind, its), count in expected.items() if its == usable(size)}
        if said != theirs:
            raise Failed(f"{name} says {said} of {size} bytes, not {theirs}: {why}")
        for kind in said:
            del expected[kind, usable(size)]
        expected.update({(kind, usable(size)): count for kind, count in ours.items()})
    if expected != got:
        more = {k: (expected[k], got[k]) for k in expected.keys() | got.keys() if expected[k] != got[k]}
        raise Failed(f"{name} and heapgraph differ, (class, size): (expected, got): {more}")
    return f"{sum(expected.values())} blocks, {len(differences)} sizes with a difference that is explained"


def memcheck(language, as_core):
    path = program(language)
    found = by_memcheck_twice(path)
    with Target(path, env=ENV) as target:
        if not as_core:
            return compare("memcheck", found, MEMCHECK[language], by_heapgraph(target.pid))
        with Core(target) as core:
            return compare("memcheck", found, MEMCHECK[language], by_heapgraph(core))


def lsan(language, flag):
    found = by_lsan(program(language, flag))
    with Target(program(language), env=ENV) as target:
        return compare("LeakSanitizer", found, LSAN[language], by_heapgraph(target.pid))


def tests():
    for language in MEMCHECK:
        yield f"{language} memcheck", lambda l=language: memcheck(l, False)
        yield f"{language} memcheck core", lambda l=language: memcheck(l, True)
    for language in LSAN:
        for flag in ("-fsanitize=leak", "-fsanitize=address"):
            yield f"{language} {flag}", lambda l=language, f=flag: lsan(l, f)
