"""What the runtime says about its heap, on every release and in every build mode: the same bytes, the true counts, typed, verified."""
from harness import (Core, Failed, Target, ask, build, expect, expect_near, good, rows_by, versions)

FIXTURES = ["shapes", "probes", "maps", "types", "running"]
EVERYWHERE = ["shapes", "probes"]  # in the other build modes, too
ALL = "1000000"
TYPED = 99.0
# Frames that are scanned without a stack map may keep a dead pointer: a count may be too high there, never too low.
CONSERVATIVE = {"running"}


def slack(heap):
    return max(8192, heap // 2000)


def check_totals(target, report):
    heap = target.truths["heap_alloc"]
    totals = report["totals"]
    garbage = target.truths.get("garbage_bytes", 0)
    expect_near("live bytes", heap - garbage, totals["live_bytes"], slack(heap))
    expect_near("live and garbage bytes", heap, totals["live_bytes"] + totals["garbage_bytes"], slack(heap))


def check_counts(fixture, target, report):
    rows = rows_by(report, "type")
    wrong = []
    for name, count in target.counts.items():
        got = rows.get(name, {"count": 0})["count"]
        if got < count or (got > count and fixture not in CONSERVATIVE):
            wrong.append(f"{name}: expected {count}, got {got}")
    if wrong:
        raise Failed("; ".join(wrong))


def check_typed(report, least):
    live, typed = report["totals"]["live_bytes"], report["coverage"]["typed_bytes"]
    if typed > live:
        raise Failed(f"{typed:,} of {live:,} live bytes typed")
    if typed * 100 < live * least:
        raise Failed(f"typed: expected {least} % of {live:,} live bytes, got {100 * typed / live:.2f} %")


def check_sum(mode, report):
    """The rows of all types are the live heap. With cgo there are malloc's blocks in the rows, which the totals leave out."""
    if mode != "cgo":
        expect("sum of shallow", report["totals"]["live_bytes"], sum(row["shallow"] for row in report["rows"]))


def one(version, mode, fixture):
    with Target(build(version, mode, fixture)) as target, Core(target) as core:
        report = ask("top", core, "--by=type", "-n", ALL)
        problems = []
        for check in (lambda: check_totals(target, report), lambda: check_counts(fixture, target, report),
                      lambda: check_typed(report, TYPED), lambda: good("analyze", core, "--verify"),
                      lambda: check_sum(mode, report)):
            try:
                check()
            except Failed as why:
                problems.append(str(why))
        if problems:
            raise Failed("; ".join(problems))


def tests():
    for version in versions():
        for fixture in FIXTURES + ["garbage", "baseline", "leakserver"]:
            yield f"{version} default {fixture}", lambda v=version, f=fixture: one(v, "default", f)
        for mode in ("pie", "cgo"):
            for fixture in EVERYWHERE:
                yield f"{version} {mode} {fixture}", lambda v=version, m=mode, f=fixture: one(v, m, f)
