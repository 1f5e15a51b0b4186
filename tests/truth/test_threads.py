"""Threads of C: what their thread-local variables and stacks hold, by name, and the row that each has."""
import shutil
import subprocess

import contract
import native
from harness import BUILD, Core, Failed, Target, ask, expect, good

WORKERS = 8
NODE = 120  # that malloc gives for one
# root -> kind and numbers of nodes, one for each root of that name
WANTED = {
    "in_program": ("tls", range(1000, 1000 + WORKERS)),
    "in_linked": ("tls", range(1100, 1100 + WORKERS)),
    "in_late": ("tls", range(1200, 1200 + WORKERS)),
    "in_late_static": ("tls", range(1300, 1300 + WORKERS)),
    "on_signal.in_handler": ("stack", [210]),
    "interrupted.in_interrupted": ("stack", [220]),
    "wait_in_libc.in_waiter": ("stack", [230]),
}
VARIANTS = {
    "O0": ["-O0"],
    "O2": ["-O2"],
    "O2-omit": ["-O2", "-fomit-frame-pointer"],
    "debug_frame": ["-O1", "-fomit-frame-pointer", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables"],
    "no-pie": ["-O1", "-no-pie"],
}


def library(name, *flags):
    return native.build("c/tlslib", "gcc", ["-O1", "-shared", "-fPIC", f"-DNAME={name}", *flags], variant=name)


def build(variant):
    linked = library("in_linked")
    late = library("in_late", "-DLARGE=100000")
    late_static = library("in_late_static", "-ftls-model=initial-exec")
    program = native.build("c/threads", "gcc", VARIANTS[variant], after=[linked, "-pthread", "-ldl"], variant=variant)
    return program, [late, late_static]


def short(root):
    """in_tls of "in_tls (thread 4711 worker)", work.buf of "thread 4711 worker: work.buf"."""
    return root.split(" (thread")[0].split(": ", 1)[-1]


def check_roots(source):
    report = ask("top", source, "--by=root", "-n", "100000", runtime="glibc")
    contract.check(report, by="root", runtime="glibc")
    found = {}
    for row in report["rows"]:
        found.setdefault((short(row["root"]), row["kind"]), []).append(row["count"])
    for name, (kind, counts) in WANTED.items():
        expect(f"{name} ({kind})", list(counts), sorted(found.get((name, kind), [])))
    expect("bytes of all rows", report["totals"]["live_bytes"], sum(row["retained"] for row in report["rows"]))
    expect("conservative bytes", report["coverage"]["conservative_bytes"], sum(row["conservative"] for row in report["rows"]))
    expect("bytes that nothing holds", 0, report["totals"]["garbage_bytes"])


def check_threads(source, pid):
    rows = ask("top", source, "--by=thread", "-n", "100000", runtime="glibc")
    contract.check(rows, by="thread", runtime="glibc")
    rows = {row["thread"]: row for row in rows["rows"]}
    workers = rows["worker"]
    expect("workers", WORKERS, workers["threads"])
    expect("workers run", "work", workers["start"])
    expect("exact", False, workers["exact"])
    for name, start in (("threads", "main"), ("handler", "be_interrupted"), ("waiter", "wait_in_libc")):
        expect(f"{name} runs", start, rows[name]["start"])
        expect(f"{name} is one and exact", (1, True), (rows[name]["threads"], rows[name]["exact"]))
    expect("the waiter's state", "read", rows["waiter"]["state"])
    expect("the main thread", pid, rows["threads"]["tid"])
    nodes = sum(sum(counts) for name, (_, counts) in WANTED.items() if not name.count("."))
    if not nodes * NODE <= workers["retained"] <= nodes * NODE + WORKERS * 110000:
        raise Failed(f"workers retain {workers['retained']:,}, of {nodes:,} nodes of {NODE} bytes")
    if not WORKERS * 100000 <= workers["tls_bytes"] <= WORKERS * 101000:
        raise Failed(f"TLS of workers: {workers['tls_bytes']:,}")
    if not 500 <= rows["handler"]["stack_bytes"] <= 9000000:
        raise Failed(f"stacks of the handler: {rows['handler']['stack_bytes']:,}")


def one(variant, by=None):
    program, libraries = build(variant)
    with Target(program, *libraries) as target:
        if not by:
            check_roots(target.pid)
            return check_threads(target.pid, target.pid)
        with Core(target, by) as core:
            check_roots(core)
            if by != "gcore":  # which keeps no names of threads
                check_threads(core, target.pid)


def strip(path, variant):
    to = BUILD / "fixtures/c/stripped" / variant / path.name
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, to)
    subprocess.run(["strip", to], check=True)
    return to


def stripped():
    """Without debug info and symbols: globals by section, thread-local ones and stacks by thread; the program is named."""
    program = strip(native.build("c/holders", "gcc", ["-O2"], (), ("-pthread",), "O2.None"), "holders")
    with Target(program) as target:
        report = ask("top", target.pid, "--by=root", "-n", "100000", runtime="glibc")
        rows = {row["count"]: row for row in report["rows"]}
        for count in (100, 200, 300):
            root = rows.get(count, {"root": "none", "kind": "none"})
            if not root["root"].startswith(".bss+0x") or not root["root"].endswith(" of holders") or root["kind"] != "global":
                raise Failed(f"the root of {count} nodes is {root}")
        tls = sorted(row["count"] for row in report["rows"] if row["root"].startswith("TLS words (thread"))
        if len(tls) != 2 or not 400 <= tls[0] < 410 or not 800 <= tls[1] < 810:  # and what the C library keeps there
            raise Failed(f"objects held by TLS words: {tls}")
        expect("bytes that nothing holds", 0, report["totals"]["garbage_bytes"])
        if not any("holders" in note for note in report["coverage"]["notes"]):
            raise Failed(f"no note on the program: {report['coverage']['notes']}")
        why_words(target.pid, rows)


def why_words(pid, rows):
    """What only a word of a stack holds is said to be so."""
    words = [row for row in rows.values() if row["kind"] == "words" and row["count"] >= 500]
    if not words or any(row["conservative"] != row["retained"] for row in words):
        raise Failed(f"no words of stacks, or not conservative: {words}")
    objects = ask("top", pid, "--by=object", "-n", "10000", runtime="glibc")["rows"]
    held = next(row for row in objects if "stack words" in row["holder"])
    said = ask("why", pid, held["address"], runtime="glibc")["summary"]
    if "may not be pointers" not in said[0]:
        raise Failed(f"why of what stack words hold: {said}")


def stripped_borrowed():
    """Where nothing says what a pointer is, what a global holds is still the global's, and not a register's that leads there, too."""
    program = strip(native.build("c/borrowed", "gcc", ["-O2"]), "borrowed")
    with Target(program) as target:
        said = good("analyze", target.pid).splitlines()[0]
        if ".bss+0x" not in said or "register" in said:
            raise Failed(f"analyze says first: {said}")


def stripped_library():
    """A library without debug info that holds something is named once, its global by its section; others are not."""
    program, (late, late_static) = build("O0")
    late = strip(late, "late")
    with Target(program, late, late_static) as target:
        report = ask("top", target.pid, "--by=root", "-n", "100000", runtime="glibc")
        notes = [note for note in report["coverage"]["notes"] if "no debug info" in note]
        if len(notes) != 1 or str(late) not in notes[0]:
            raise Failed(f"notes on debug info: {notes}")
        roots = sorted(row["root"] for row in report["rows"] if row["count"] == 3 and row["kind"] == "global")
        if len(roots) != 3 or not roots[0].startswith(".bss+0x") or roots[1:] != ["tlslib_list"] * 2:
            raise Failed(f"roots of the libraries' lists: {roots}")


def tests():
    for variant in VARIANTS:
        yield variant, lambda v=variant: one(v)
    for by in ("snapshot", "gcore"):
        yield f"O2, {by}", lambda b=by: one("O2", b)
    yield "stripped program", stripped
    yield "stripped, a global and registers", stripped_borrowed
    yield "stripped library", stripped_library
