"""Every block of glibc's malloc: the program says where each lies, how large it is and whether it lives; nothing else is found."""
import os
import pathlib
import struct
import subprocess
import tempfile

import native
from harness import Core, Failed, LIMIT, Target, work_folder

VARIANTS = {  # name -> (threads, blocks of each, options, tunables)
    "single": (1, 40000, [], ""),
    "threads": (4, 12000, [], ""),
    "no-mmap": (2, 12000, ["mmap_threshold=33554432"], ""),
    "much-mmap": (2, 6000, ["mmap_threshold=20000"], ""),
    "one-arena": (4, 8000, ["arena_max=1"], ""),
    "two-arenas": (4, 8000, ["arena_max=2"], ""),
    "no-tcache": (4, 8000, [], "glibc.malloc.tcache_count=0"),
    "long-tcache": (4, 8000, [], "glibc.malloc.tcache_count=120"),
    "large-tcache": (2, 8000, [], "glibc.malloc.tcache_max=4194304"),
    "pieces": (2, 12000, ["foreign=1"], ""),
    "blocked": (2, 12000, ["blocked=1"], ""),
    "left": (6, 8000, ["leave=1"], ""),
    "huge-pages": (3, 6000, [], "glibc.malloc.hugetlb=1"),
}
# What malloc and the loader keep for each thread: a tcache, and the vector of its thread-local storage.
OWN_PER_THREAD = 2
OWN = 2
OWN_STATIC = 12  # the loader's own lists lie in the heap of a static program
# From this release on malloc's own count of mmapped bytes grows by 16 with each mremap, and does not fall to 0 when all is freed.
REMAP_DRIFTS = (2, 43)


def read_truth(path):
    live, freed = {}, set()
    for line in pathlib.Path(path).read_text().splitlines():
        state, addr, usable = line.split()
        if state == "live":
            live[addr] = int(usable)
        else:
            freed.add(addr)
    return live, freed - live.keys()


def read_found(target):
    done = subprocess.run([native.tool("blocks"), str(target)], capture_output=True, text=True, timeout=LIMIT)
    if done.returncode:
        raise Failed(f"blocks ends with {done.returncode}: {done.stderr[-300:]}")
    found, totals, damage = {}, {}, []
    for line in done.stdout.splitlines():
        if line.startswith("total "):
            key, value = line[6:].split("=")
            totals[key] = int(value)
        elif line.startswith("damage "):
            damage.append(line[7:])
        else:
            addr, usable = line.split()
            found[addr] = int(usable)
    return found, totals, damage


def compare_blocks(problems, live, freed, found, threads, own=OWN):
    missing = live.keys() - found.keys()
    wrong = [a for a in live.keys() & found.keys() if live[a] != found[a]]
    more = found.keys() - live.keys()
    if missing:
        example = sorted(missing, key=lambda a: live[a])[0]
        problems.append(f"{len(missing)} of {len(live)} live blocks not found, one at {example} of {live[example]}")
    if wrong:
        problems.append(f"{len(wrong)} of the wrong size, one at {wrong[0]}: expected {live[wrong[0]]}, got {found[wrong[0]]}")
    if more & freed:
        example = sorted(more & freed)[0]
        problems.append(f"{len(more & freed)} freed blocks called live, one at {example} of {found[example]}")
    if len(more - freed) > own + OWN_PER_THREAD * threads:
        problems.append(f"{len(more - freed)} blocks that nobody allocated: {[(a, found[a]) for a in sorted(more - freed)[:6]]}")


def compare_totals(problems, version, truths, totals):
    """malloc counts chunks (8 bytes more than is usable), what tcaches hold, and the heads and fences of its heaps as used."""
    mapped = truths["hblkhd"]
    if version >= REMAP_DRIFTS:
        mapped -= 16 * truths["remapped"]
    if totals["mapped_bytes"] != mapped:
        problems.append(f"mmapped bytes: expected {mapped:,}, got {totals['mapped_bytes']:,}")
    if totals["system_bytes"] != truths["arena"]:
        problems.append(f"bytes of arenas: expected {truths['arena']:,}, got {totals['system_bytes']:,}")
    used = (totals["chunk_bytes"] + totals["cached_bytes"] + totals["fence_bytes"] + totals["gap_bytes"]
            + totals["system_bytes"] - totals["region_bytes"])
    if used != truths["uordblks"]:
        problems.append(f"used bytes: expected {truths['uordblks']:,}, got {used:,} (off by {used - truths['uordblks']:+,})")


def of_core(target):
    with Core(target) as core:
        return read_found(core)


def one(variant, suite=None, read=lambda target: read_found(target.pid), build=None):
    threads, blocks, options, tunables = VARIANTS[variant]
    if suite:
        before, after = native.link_with(suite)  # or a skip
        version = tuple(map(int, native.libcs()[suite][0].split(".")))
        program = native.build("c/oracle", before=before, after=after, variant=suite)
    else:
        version = tuple(map(int, os.confstr("CS_GNU_LIBC_VERSION").split()[1].split(".")))
        program = native.build("c/oracle", **(build or {}))
    env = {"GLIBC_TUNABLES": tunables}
    with tempfile.NamedTemporaryFile(dir=work_folder()) as said, \
            Target(program, said.name, threads, blocks, *options, env=env) as target:
        live, freed = read_truth(said.name)
        found, totals, damage = read(target)
        problems = []
        compare_blocks(problems, live, freed, found, threads, OWN_STATIC if build else OWN)
        compare_totals(problems, version, target.truths, totals)
        if damage:
            problems.append(f"damage where there is none: {damage}")
        if problems:
            raise Failed("; ".join(problems))
    return f"{len(live)} live, {len(freed)} freed"


STATIC = {"flags": ["-O1", "-static"], "variant": "static"}


def at_in_file(core, addr):
    """Where a core file holds the memory at an address."""
    data = core.read_bytes()
    offset, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for i in range(count):
        kind, _, at, start, _, in_file = struct.unpack_from("<IIQQQQ", data, offset + i * size)
        if kind == 1 and start <= addr < start + in_file:
            return at + addr - start
    raise Failed(f"the core does not hold {addr:#x}")


def symbol_of(program, name):
    for line in subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout.splitlines():
        if line.split()[-1] == name:
            return int(line.split()[0], 16)
    raise Failed(f"{program.name} has no symbol {name}")


def by_symbol_alone():
    """The bins of the main arena are damaged, so that it looks like none; libc's symbol still says where it is."""
    program = native.build("c/oracle", flags=[*STATIC["flags"], "-no-pie"], variant="static-fixed")
    with tempfile.NamedTemporaryFile(dir=work_folder()) as said, Target(program, said.name, 2, 4000) as target, \
            Core(target) as core:
        live, freed = read_truth(said.name)
        bins = at_in_file(core, symbol_of(program, "main_arena") + 0x70)
        with open(core, "r+b") as file:
            file.seek(bins + 16 * 100)
            file.write(b"\x11" * (16 * 27))
        found, _, damage = read_found(core)
        problems = []
        compare_blocks(problems, live, freed, found, 2, OWN_STATIC)
        if problems:
            raise Failed("; ".join(problems))
        if damage != ["1 main arenas of malloc found by libc's symbol alone"]:
            raise Failed(f"counted: {damage}")


def tests():
    yield "static", lambda: one("threads", build=STATIC)
    yield "by symbol alone", by_symbol_alone
    for variant in VARIANTS:
        yield variant, lambda v=variant: one(v)
    yield "threads, of a core", lambda: one("threads", read=of_core)
    for suite, (version, _, _) in native.libcs().items():
        for variant in VARIANTS:
            yield f"{suite} {version} {variant}", lambda v=variant, s=suite: one(v, s)
