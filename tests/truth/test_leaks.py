"""The two leaks of the documents are found by name, and a real server's heap is typed."""
import re
import subprocess

from harness import Core, Failed, Target, ask, build, expect, good, line_of, newest, rows_by, versions
from test_cores import expect_own_rows
from test_heap import check_counts, check_totals, check_typed

ENTRIES = 100


def loaded(path, target, *words):
    subprocess.run([path, "load", target.truths["address"], *map(str, words)], check=True, timeout=120)
    target.settle()


def says(line, *patterns):
    for pattern in patterns:
        if not re.search(pattern, line):
            raise Failed(f"expected /{pattern}/ in the first line, got: {line}")


def leakserver(version):
    path = build(version, "default", "leakserver")
    with Target(path) as target:
        loaded(path, target, ENTRIES, 1000000)
        with Core(target) as core:
            first = good("analyze", core).splitlines()[0]
            at = line_of("fixtures/go/leakserver/main.go", r"^var userCache")
            says(first, r"main\.userCache", r"\.Cache\b", r"map\[string\]\*main\.UserData", rf"\b{ENTRIES}\b", rf"main\.go:{at}\b")
            report = ask("analyze", core)
            says(report["summary"][0], r"main\.userCache", r"\.Cache\b")
            root = rows_by(ask("top", core, "--by=root", "-n", "100000"), "root")["main.userCache"]
            if not ENTRIES * 1000000 <= root["retained"] <= report["totals"]["live_bytes"]:
                raise Failed(f"main.userCache retains {root['retained']:,}")
            says(root.get("line", ""), rf"main\.go:{at}$")
            explain_user_data(core)
        return first


def explain_user_data(core):
    """why main.UserData leads from the variable through the field to all of them."""
    rows = ask("why", core, "main.UserData", "-n", "1000")["rows"]
    words = " ".join(f"{row['label']} {row['via']}" for row in rows)
    for wanted in ("userCache", "Cache"):
        if wanted not in words:
            raise Failed(f"why main.UserData: expected {wanted}, got {words}")
    if not any(row["count"] == ENTRIES for row in rows):
        raise Failed(f"why main.UserData: expected a step of {ENTRIES} instances, got {[row['count'] for row in rows]}")


def baseline(version):
    path = build(version, "default", "baseline")
    with Target(path) as target:
        loaded(path, target, 5000)
        with Core(target) as core:
            first = good("analyze", core).splitlines()[0]
            at = line_of("fixtures/go/baseline/main.go", r"^var detector")
            says(first, r"main\.detector", r"\.baseline\b", r"map\[string\]string", r"\b5[,.]?000\b", rf"main\.go:{at}\b")
            if "json" in first:
                raise Failed(f"the decoder is named: {first}")
            root = rows_by(ask("top", core, "--by=root", "-n", "100000"), "root")["main.detector"]
            if root["retained"] < 5000 * 1900:
                raise Failed(f"main.detector retains {root['retained']:,}, less than the texts that its sub-strings keep")
        return first


def realserver(version):
    with Target(build(version, "default", "realserver")) as target, Core(target) as core:
        report = ask("top", core, "--by=type", "-n", "1000000")
        check_totals(target, report)
        check_typed(report, 99.0)
        check_counts("realserver", target, report)
        good("analyze", core, "--verify")
        coverage, totals = report["coverage"], report["totals"]
        return f"{coverage['typed_bytes'] / totals['live_bytes']:.2%} of {totals['live_bytes']:,} bytes typed"


def live_equals_core(version):
    """A PID and a core of the same stopped moment give the same totals."""
    with Target(build(version, "default", "shapes")) as target, Core(target) as core:
        by_core, by_pid = ask("top", core, "--by=type", "-n", "100000"), ask("top", target.pid, "--by=type", "-n", "100000")
        expect("source.kind", "live", by_pid["source"]["kind"])
        expect("totals of the live process", by_core["totals"], by_pid["totals"])
        expect_own_rows(by_core, by_pid)
        if target.process.poll() is not None:
            raise Failed("the target is gone")
        target.drop("main.anything")  # it still obeys


def tests():
    for version in versions():
        yield f"{version} realserver", lambda v=version: realserver(v)
        yield f"{version} userCache", lambda v=version: leakserver(v)
    for version in ("1.19", newest()):
        yield f"{version} baseline", lambda v=version: baseline(v)
        yield f"{version} live", lambda v=version: live_equals_core(v)
