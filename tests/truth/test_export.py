"""What other programs read: every format adds up to the same live heap, and the programs that own the formats accept it."""
import csv
import io
import shutil
import stat
import subprocess

from harness import LIMIT, Core, Failed, Skipped, Target, ask, build, expect, good, json, newest, run
import native

ALL = ["-n", "1000000"]


def tree_of(core, runtime):
    return ask("tree", core, *ALL, runtime=runtime)["rows"]


def live_of(rows):
    return sum(row["retained"] for row in rows if not row.get("parent"))


def check_folded(core, rows):
    total, frames = 0, {}
    for line in good("export", core, "--format=folded").splitlines():
        stack, number = line.rsplit(" ", 1)
        total += int(number)
        first = stack.split(";")[0]
        frames[first] = frames.get(first, 0) + int(number)
    expect("bytes of folded stacks", live_of(rows), total)
    tops = {}
    for row in rows:
        if not row.get("parent"):
            name = row["label"].replace(";", ":")
            tops[name] = tops.get(name, 0) + row["retained"]
    expect("folded roots", {k: v for k, v in tops.items() if v}, frames)
    expect("lines", sum(row["self"] > 0 for row in rows), len(good("export", core, "--format=folded").splitlines()))
    # What is left out stays in the sum.
    for options in (["--depth=2"], ["--min=64K"], ["-n", "2"]):
        cut = good("export", core, "--format=folded", *options).splitlines()
        expect(f"bytes with {options}", live_of(rows), sum(int(line.rsplit(" ", 1)[1]) for line in cut))


def check_csv(core, rows):
    text = good("export", core, "--format=csv", "-o", core.parent / "tree.csv") or (core.parent / "tree.csv").read_bytes().decode()
    mode = stat.S_IMODE((core.parent / "tree.csv").stat().st_mode)
    expect("mode of the file", 0o600, mode)
    again = run("export", core, "--format=csv", "-o", core.parent / "tree.csv")
    expect("writing over a file", (1, True), (again.returncode, "cannot create" in again.stderr))
    expect("lines end with CR LF", text.count("\n"), text.count("\r\n"))
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    expect("rows", len(rows), len(read))
    for row, cells in zip(rows, read):
        for key, value in row.items():
            said = {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)
            expect(f"csv {key} of row {row['id']}", said, cells[key])
    types = ask("top", core, "--by=type", runtime="")["rows"]
    read = list(csv.DictReader(io.StringIO(good("top", core, "--by=type", "--format=csv"))))
    expect("top as csv", [(r["type"], str(r["retained"])) for r in types], [(r["type"], r["retained"]) for r in read])


def check_speedscope(core, rows):
    profile = json.loads(good("export", core, "--format=speedscope"))
    expect("schema", "https://www.speedscope.app/file-format-schema.json", profile["$schema"])
    frames, (sampled,) = profile["shared"]["frames"], profile["profiles"]
    expect("kind", ("sampled", "bytes", 0), (sampled["type"], sampled["unit"], sampled["startValue"]))
    expect("sum", (live_of(rows), live_of(rows)), (sampled["endValue"], sum(sampled["weights"])))
    expect("one weight a sample", len(sampled["samples"]), len(sampled["weights"]))
    widths = [0] * len(frames)
    for sample, weight in zip(sampled["samples"], sampled["weights"]):
        for frame in sample:
            widths[frame] += weight
    expect("widths", [row["retained"] for row in rows], widths)
    expect("names", [row["label"] for row in rows], [frame["name"] for frame in frames])


def check_dot(core, rows):
    if not shutil.which("dot"):
        raise Skipped("no dot here (package graphviz)")
    largest = max((row for row in rows if row.get("kind") == "global"), key=lambda row: row["retained"])["path"]
    for words in (["export", core], ["export", core, largest], ["why", core, largest]):
        drawn = subprocess.run(["dot", "-Tsvg"], input=good(*words, "--format=dot"), capture_output=True, text=True, timeout=LIMIT, check=False)
        if drawn.returncode or drawn.stderr:
            raise Failed(f"dot of {words}: {drawn.stderr[:300]}")
    shown = ask("tree", core, runtime="")["rows"]
    svg = subprocess.run(["dot", "-Tsvg"], input=good("export", core, "--format=dot"), capture_output=True, text=True, timeout=LIMIT, check=True).stdout
    expect("boxes", len(shown), svg.count('class="node"'))
    expect("arrows", sum("parent" in row for row in shown), svg.count('class="edge"'))


def refused(core):
    for words in (["top", core, "--format=folded"], ["top", core, "--format=dot"], ["why", core, "x", "--format=folded"]):
        done = run(*words)
        expect(f"{words[0]} {words[-1]}", (2, True), (done.returncode, "has no format" in done.stderr))


def check(core, runtime):
    rows = tree_of(core, runtime)
    check_folded(core, rows)
    check_csv(core, rows)
    check_speedscope(core, rows)
    check_dot(core, rows)
    refused(core)


def of_go(fixture):
    with Target(build(newest(), "default", fixture)) as target, Core(target) as core:
        check(core, "go1.")


def of_native(fixture):
    with Target(native.build(fixture), env={"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}) as target, Core(target) as core:
        check(core, "glibc")


def tests():
    for fixture in ("shapes", "leakserver"):
        yield f"go {fixture}", lambda f=fixture: of_go(f)
    for fixture in ("c/shapes", "cxx/shapes"):
        yield fixture, lambda f=fixture: of_native(f)
