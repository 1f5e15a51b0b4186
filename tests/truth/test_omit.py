"""snapshot --omit-data: texts are gone, and every report stays what it was."""
import os
import re
import secrets
import shutil
import signal
import time

import native
import test_cores
from harness import Core, Failed, Skipped, Target, ask, build, expect, newest, run, versions, work_folder

QUESTIONS = [("analyze",), ("leaks",), *(("top", f"--by={by}") for by in ("type", "root", "object", "container"))]
MARKER = secrets.token_hex(24)
NOTE = "contents of pointer-free objects were left out"
ENV = {"GODEBUG": "asyncpreemptoff=1"}


class Stopped(Target):
    """A fixture that stands still, with the marker in its environment."""

    def __init__(self, path, *words, **options):
        options["env"] = {**ENV, **options.get("env", {}), "SECRET": MARKER}
        super().__init__(path, *words, **options)
        os.kill(self.pid, signal.SIGSTOP)
        until = time.monotonic() + 10
        while open(f"/proc/{self.pid}/stat").read().rsplit(")", 1)[1].split()[0] != "T" and time.monotonic() < until:
            time.sleep(0.01)


class Omitted(Core):
    def by_snapshot(self, target):
        done = run("snapshot", target.pid, "--omit-data", "-o", self.path)
        if done.returncode:
            raise Failed(f"snapshot --omit-data: {done.stderr}")
        self.said = done.stdout


def answer(question, core, runtime):
    words = [*question[:1], core, *question[1:]]
    report = ask(*words, *([] if question[0] == "analyze" else ["-n", "1000000"]), runtime=runtime)
    notes = report["coverage"].pop("notes", report.pop("notes", []))
    del report["source"]
    return report, [note for note in notes if NOTE in note], [note for note in notes if NOTE not in note]


def differences(mine, theirs):
    if isinstance(mine, list) and isinstance(theirs, list):
        only = [row for row in mine if row not in theirs][:2] + [row for row in theirs if row not in mine][:2]
        return f"{len(mine)} rows, {len(theirs)} rows; {only}"
    return f"{mine} and {theirs}"


def same(target, runtime="", native_heap=True, shrinks=False, least=1):
    with Core(target) as plain, Omitted(target) as omitted:
        for question in QUESTIONS:
            if question[0] == "leaks" and not native_heap:
                continue
            (mine, none, notes), (theirs, said, other_notes) = (answer(question, core, runtime) for core in (plain, omitted))
            expect(f"{question} notes of the plain core", [], none)
            if question[0] == "analyze":
                expect("notes", 1, len(said))
            expect("other notes", notes, other_notes)
            for key in mine:
                if mine[key] != theirs[key]:
                    raise Failed(f"{' '.join(question)}: {key}: {differences(mine[key], theirs[key])}"[:900])
            expect("keys", list(mine), list(theirs))
        if plain.stat().st_blocks < omitted.stat().st_blocks + shrinks * 8:
            raise Failed(f"{omitted.stat().st_blocks} blocks on the disk, {plain.stat().st_blocks} with contents")
        expect("mode of the core", "0o600", oct(omitted.stat().st_mode & 0o7777))
        times = plain.read_bytes().count(MARKER.encode())
        if times < least:
            raise Failed(f"the marker is {times} times in the plain core")
        left = [hex(found.start()) for found in re.finditer(MARKER.encode(), omitted.read_bytes())]
        if left:
            raise Failed(f"the marker is still there {len(left)} of {times} times, at {left[:5]}")
        gdb_opens(target.path, omitted)


def gdb_opens(path, core):
    if not shutil.which("gdb"):
        return
    said = test_cores.opens_in(["gdb", "-nx", "-batch", "-ex", "info threads", "-ex", "bt 3", path, core], core)
    lines = [line for line in said.splitlines() if re.search("warning: |error|truncated|Cannot access", line, re.I)
             and not re.search("libthread_db|auto-load|debuginfod|gdbinit", line)]
    if lines:
        raise Failed(f"gdb complains: {lines[0]}")


def go(version, fixture, mode="default"):
    with Stopped(build(version, mode, fixture)) as target:
        same(target, "go1.", mode == "cgo", shrinks=True)


def c(name, compiler="gcc", flags=("-O1",)):
    with Stopped(native.build(name, compiler=compiler, flags=flags, variant="".join(flags))) as target:
        same(target, "")


def hides(path, runtime="", native_heap=True):
    """Argument, environment, and thousands of copies in the heap."""
    with Stopped(path, MARKER) as target:
        same(target, runtime, native_heap, shrinks=True, least=4000)


def refuses(path, words, *arguments):
    """Where nothing is known of what the heap holds, nothing is written."""
    with Stopped(path, *arguments) as target:
        core = work_folder() / f"refused.{target.pid}"
        done = run("snapshot", target.pid, "--omit-data", "-o", core)
        expect("exit", 1, done.returncode)
        said = [line for line in done.stderr.splitlines() if words in line]
        if len(said) != 1 or core.exists():
            raise Failed(f"says {done.stderr}; a core: {core.exists()}")


def tests():
    yield f"hides {newest()}", lambda: hides(build(newest(), "default", "secrets"), "go1.", False)
    yield "hides 1.19", lambda: hides(build("1.19", "default", "secrets"), "go1.", False)
    for name in ("c/secrets", "cxx/secrets"):
        yield f"hides {name}", lambda n=name: hides(native.build(n))
    yield "hides cxx/secrets libc++", lambda: hides(native.build("cxx/secrets", "libc++"))
    yield f"refuses {newest()} stripped", lambda: refuses(build(newest(), "stripped", "shapes"), "debug info")
    yield "refuses c stripped", lambda: refuses(
        native.build("c/shapes", flags=("-O1",), after=("-pthread", "-ldl", "-s"), variant="stripped"), "debug info")
    for version in versions():
        yield f"{version} shapes", lambda v=version: go(v, "shapes")
    for fixture in ("types", "maps", "garbage"):
        for version in ("1.19", newest()):
            yield f"{version} {fixture}", lambda v=version, f=fixture: go(v, f)
    yield f"{newest()} pie types", lambda: go(newest(), "types", "pie")
    yield f"{newest()} cgo", lambda: go(newest(), "cgo", "cgo")
    for name in ("c/shapes", "cxx/shapes", "cxx/containers", "cxx/values", "c/leaks", "cxx/leaks", "c/untyped"):
        yield f"{name}", lambda n=name: c(n)
    yield "cxx/containers libc++", lambda: c("cxx/containers", "libc++")
