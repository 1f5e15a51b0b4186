"""snapshot --omit-data: texts are gone, and every report stays what it was."""
import os
import re
import shutil
import signal
import subprocess
import time

import native
from harness import Core, Failed, Skipped, TOOL, Target, ask, build, expect, newest, run, versions

QUESTIONS = [("analyze",), ("leaks",), *(("top", f"--by={by}") for by in ("type", "root", "object", "container"))]
MARKER = "correct-horse-battery-staple"
NOTE = "contents of pointer-free objects were left out"
ENV = {"GODEBUG": "asyncpreemptoff=1"}


class Stopped(Target):
    """A fixture that stands still, with a marker among its arguments' neighbours, the environment."""

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


def same(target, runtime="", native_heap=True):
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
        if plain.stat().st_blocks <= omitted.stat().st_blocks:
            raise Failed(f"{omitted.stat().st_blocks} blocks on the disk, {plain.stat().st_blocks} with contents")
        expect("mode of the core", "0o600", oct(omitted.stat().st_mode & 0o7777))
        if MARKER.encode() not in plain.read_bytes():
            raise Failed("the marker is not in the plain core")
        if MARKER.encode() in omitted.read_bytes():
            raise Failed("the environment is still there")
        return 0


def go(version, fixture, mode="default"):
    with Stopped(build(version, mode, fixture)) as target:
        same(target, "go1.", mode == "cgo")


def c(name, compiler="gcc", flags=("-O1",)):
    with Stopped(native.build(name, compiler=compiler, flags=flags, variant="".join(flags))) as target:
        same(target, "")


def tests():
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
