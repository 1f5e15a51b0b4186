"""Every block of glibc's malloc: the program says where each lies, how large it is and whether it lives; nothing else is found."""
import os
import pathlib
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


def compare_blocks(problems, live, freed, found, threads):
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
    if len(more - freed) > OWN + OWN_PER_THREAD * threads:
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


def one(variant, suite=None, read=lambda target: read_found(target.pid)):
    threads, blocks, options, tunables = VARIANTS[variant]
    if suite:
        before, after = native.link_with(suite)  # or a skip
        version = tuple(map(int, native.libcs()[suite][0].split(".")))
        program = native.build("c/oracle", before=before, after=after, variant=suite)
    else:
        version = tuple(map(int, os.confstr("CS_GNU_LIBC_VERSION").split()[1].split(".")))
        program = native.build("c/oracle")
    env = {"GLIBC_TUNABLES": tunables}
    with tempfile.NamedTemporaryFile(dir=work_folder()) as said, \
            Target(program, said.name, threads, blocks, *options, env=env) as target:
        live, freed = read_truth(said.name)
        found, totals, damage = read(target)
        problems = []
        compare_blocks(problems, live, freed, found, threads)
        compare_totals(problems, version, target.truths, totals)
        if damage:
            problems.append(f"damage where there is none: {damage}")
        if problems:
            raise Failed("; ".join(problems))
    return f"{len(live)} live, {len(freed)} freed"


def tests():
    for variant in VARIANTS:
        yield variant, lambda v=variant: one(v)
    yield "threads, of a core", lambda: one("threads", read=of_core)
    for suite, (version, _, _) in native.libcs().items():
        for variant in VARIANTS:
            yield f"{suite} {version} {variant}", lambda v=variant, s=suite: one(v, s)
