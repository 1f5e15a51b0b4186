"""What grew is named by the way to it, with its exact bytes and objects: in one process and across a restart. Nothing is said where nothing grew."""
import subprocess

from harness import Core, Failed, LIMIT, TOOL, Target, ask, build, expect, newest
import native

GROWTH = {  # command -> way, type, bytes, objects
    "sessions": ("main.server.sessions[...].buf", "[]uint8", 1000 * 4096, 1000),
    "samples": ("main.samples", "[]uint64", 8 << 16, 0),
    "goroutines": (None, "uint8", 100 * 8192, 100),
}


def diff(*cores, runtime="go1.", words=()):
    return ask("diff", *cores, *words, "-n", "1000000", runtime=runtime)


def code(*words):
    return subprocess.run([TOOL, "diff", *map(str, words)], capture_output=True, text=True, timeout=LIMIT).returncode


def check_growth(what, report, way, kind, size, objects, times=1):
    rows = [row for row in report["rows"] if row["type"] == kind and (row["label"] == way or (not way and "goroutine" in row["label"]))]
    if len(rows) != 1:
        raise Failed(f"{what}: {way} has {len(rows)} rows among {[(r['label'], r['type'], r['grew']) for r in report['rows']]}")
    expect(f"{what}: bytes", times * size, rows[0]["grew"])
    expect(f"{what}: objects", times * objects, rows[0]["more"])
    expect(f"{what}: is the largest", rows[0]["label"], report["rows"][0]["label"])
    expect(f"{what}: every time", True, rows[0]["every_time"])


def check_objects(report, base, now):
    rows = {row["state"]: row for row in report["objects"]}
    for core, states in ((base, ("survived", "gone")), (now, ("survived", "new"))):
        rows_of = ask("tree", core)["totals"]
        expect("objects", rows_of["live_objects"], sum(rows[s]["count"] for s in states))
        expect("bytes of objects", rows_of["live_bytes"], sum(rows[s]["bytes"] for s in states))
    return rows


def one_process(command):
    way, kind, size, objects = GROWTH[command]
    with Target(build(newest(), "default", "growing")) as target:
        with Core(target) as base:
            target.drop(command)
            with Core(target) as now:
                report = diff(base, now)
                check_growth(command, report, way, kind, size, objects)
                rows = check_objects(report, base, now)
                if rows["new"]["count"] < objects:
                    raise Failed(f"{command}: {rows['new']['count']} new objects")
                grew = ask("tree", now)["totals"]["live_bytes"] - ask("tree", base)["totals"]["live_bytes"]
                if grew < size:
                    raise Failed(f"{command}: the live heap grew by {grew:,} only")
                expect("more than allowed", 3, code(base, now, "--fail-over=100K"))
                expect("a share", 3, code(base, now, "--fail-over=1%"))
                expect("not more than allowed", 0, code(base, now, "--fail-over=1G"))
                expect("shrinks", 0, code(now, base, "--fail-over=100K"))
                target.drop(command)
                with Core(target) as last:
                    check_growth(command + " twice", diff(base, now, last), way, kind,
                                 size if way != "main.samples" else 3 * size, objects, 2 if way != "main.samples" else 1)


def restart(command):
    way, kind, size, objects = GROWTH[command]
    path = build(newest(), "default", "growing")
    with Target(path) as first, Core(first) as base, Target(path) as second:
        second.drop(command)
        with Core(second) as now:
            report = diff(base, now)
            check_growth(command + " across a restart", report, way, kind, size, objects)
            if "objects" in report:
                raise Failed("objects of two processes are compared by address")


def nothing():
    path = build(newest(), "default", "growing")
    with Target(path) as target, Core(target) as base, Target(path) as other:
        target.drop("nothing")
        with Core(target) as now, Core(other) as elsewhere:
            for what, core in (("in one process", now), ("across a restart", elsewhere)):
                report = diff(base, core)
                for table in ("rows", "roots", "types"):
                    expect(f"{table} that grew {what}", [], [(r["label"], r["grew"]) for r in report[table]])


def c_list():
    path = native.build("c/growlist", flags=["-O0"])
    env = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
    with Target(path, env=env) as target, Core(target) as base, Target(path, env=env) as other:
        size = target.truths["block"]
        target.drop("list")
        other.drop("list")
        with Core(target) as now, Core(other) as elsewhere:
            for core in (now, elsewhere):
                report = diff(base, core, runtime="glibc")
                rows = [row for row in report["rows"] if row["label"].startswith("queue")]
                expect("rows of the list", 1, len(rows))
                expect("bytes of the list", 1000 * size, rows[0]["grew"])
                expect("nodes of the list", 1000, rows[0]["more"])


def tests():
    for command in GROWTH:
        yield f"one process {command}", lambda c=command: one_process(c)
        yield f"restart {command}", lambda c=command: restart(c)
    yield "nothing grew", nothing
    yield "c list", c_list
