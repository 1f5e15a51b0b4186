"""The heaps of `make bench` for C and C++, small: every block is found and live, all is typed, and the globals hold what malloc
says when they let go. What malloc keeps for itself (its own block and the loader's a thread, heads and fences of arenas) is more
than the program counts."""
import native
from harness import Core, Failed, Target, ask, expect, good, rows_by

BLOCKS = 300000
THREADS = {"c": 3, "cxx": 0}
OWN = 3              # C++ has a pool for exceptions
OWN_PER_THREAD = 2
OWN_BYTES = 80000    # that pool above all
ARENA_BYTES = 4096   # of its head, its fences, and its tcache
HEADER = 8           # of a chunk: counted by malloc, not usable
TYPED = 99.0
NAMES = {"c": ["g_jobs", "g_tree"], "cxx": ["g_small", "g_history", "g_by_name"]}
LARGEST = {"c": "g_workers", "cxx": "g_small"}
NO_TCACHE = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}


def check_totals(language, truths, report, problems):
    totals, threads = report["totals"], THREADS[language]
    blocks, of_bytes = totals["live_objects"], totals["live_bytes"]
    if totals["garbage_objects"]:
        problems.append(f"{totals['garbage_objects']} unreachable blocks where there are none")
    if not 0 <= blocks - truths["blocks"] <= OWN + OWN_PER_THREAD * (threads + 1):
        problems.append(f"blocks: expected {truths['blocks']:,} and few more, got {blocks:,}")
    own = OWN_BYTES + ARENA_BYTES * threads
    if not 0 <= of_bytes - truths["bytes"] <= own:
        problems.append(f"bytes: expected {truths['bytes']:,} and at most {own:,} more, got {of_bytes:,}")


def check_used(language, truths, report, problems):
    """Without tcaches malloc's own sum is that of live chunks, and of the heads and fences of its arenas."""
    totals = report["totals"]
    more = truths["used"] - (totals["live_bytes"] + HEADER * totals["live_objects"])
    if not 0 <= more <= ARENA_BYTES * (THREADS[language] + 1):
        problems.append(f"used bytes: malloc counts {more:+,} more than the {totals['live_bytes']:,} in live blocks")


def check_typed(report, problems):
    typed, live = report["coverage"]["typed_bytes"], report["totals"]["live_bytes"]
    if typed * 100 < live * TYPED:
        problems.append(f"typed: expected {TYPED} % of {live:,} bytes, got {typed * 100 / live:.1f} %")


def check_roots(language, target, report, problems):
    rows = rows_by(report, "root")
    if report["rows"][0]["root"].split(".")[0].split(" ")[0] != LARGEST[language]:
        problems.append(f"largest root: expected {LARGEST[language]}, got {report['rows'][0]['root']}")
    for name in NAMES[language]:
        fell = target.drop(name)
        expected = rows[name]["retained"] + HEADER * rows[name]["count"] if name in rows else 0
        if expected != fell:
            problems.append(f"{name}: predicted {expected:,}, fell by {fell:,}")


def one(language, env):
    problems = []
    with Target(native.build(f"{language}/bench"), BLOCKS, env=env) as target, Core(target) as core:
        report = ask("top", core, "--by=root", "-n", "1000", runtime="glibc")
        check_totals(language, target.truths, report, problems)
        check_typed(report, problems)
        if env:
            check_used(language, target.truths, report, problems)
            check_roots(language, target, report, problems)
        good("analyze", core, "--verify")
        rows = ask("leaks", core, runtime="glibc")["rows"]  # a thread's own block is held by its middle
        expect("what is lost", [], [row for row in rows if row["class"] != "possible"])
    if problems:
        raise Failed("; ".join(problems))
    return f"{report['totals']['live_objects']:,} blocks"


def tests():
    for language in THREADS:
        yield f"{language} {BLOCKS} blocks", lambda l=language: one(l, {})
        yield f"{language} {BLOCKS} blocks, no tcache", lambda l=language: one(l, NO_TCACHE)
