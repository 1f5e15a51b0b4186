"""Snapshots on a schedule: how many, when, what stays, and how it ends."""
import json
import os
import re
import signal
import stat
import subprocess
import time

import native
from harness import TOOL, Failed, Target, expect, good, run, work_folder
from test_bad_input import Scratch, refused

NAME = re.compile(r"^app\.(\d+)\.\d{8}T\d{6}Z\.core$")


def start(folder, target, *words):
    return subprocess.Popen([TOOL, "snapshot", str(target.pid), *words], cwd=folder, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def end(process, code):
    said, errors = process.communicate(timeout=60)
    if process.returncode != code:
        raise Failed(f"expected exit code {code}, got {process.returncode}: {errors}")
    return said.splitlines(), errors


def target():
    return Target(native.build("c/growing"))


def every():
    """Four snapshots a second apart, of which the newest two stay; all are cores that can be read."""
    with Scratch() as folder, target() as growing:
        began = time.monotonic()
        lines, _ = end(start(folder, growing, "--every", "1s", "--count", "4", "--keep", "2", "-o", "app.%n.%t.core"), 0)
        spent = time.monotonic() - began
        expect("lines", 4, len(lines))
        if not 3 <= spent < 10:
            raise Failed(f"four snapshots a second apart took {spent:.1f} s")
        files = sorted(os.listdir(folder))
        if [NAME.match(name) and NAME.match(name)[1] for name in files] != ["3", "4"]:
            raise Failed(f"expected the third and the fourth file, got {files}")
        for name in files:
            expect("mode", 0o600, stat.S_IMODE(os.stat(folder / name).st_mode))
            good("analyze", folder / name)


def as_json():
    with Scratch() as folder, target() as growing:
        said, _ = end(start(folder, growing, "--every=1s", "--count=3", "--keep=1", "--format=json"), 0)
        rows = json.loads("\n".join(said))["rows"]
        expect("removed", [True, True, False], [row["removed"] for row in rows])
        expect("files", [rows[2]["path"]], os.listdir(folder))


def when():
    """Nothing until the process has grown; then one, and the end."""
    with Scratch() as folder, target() as growing:
        limit = growing.truths["rss"] + (20 << 20)
        process = start(folder, growing, "--when", f"rss>{limit}")
        time.sleep(2.5)
        expect("files before it grew", [], os.listdir(folder))
        growing.tell("grow 30")
        growing.read_truths()
        lines, _ = end(process, 0)
        expect("snapshots", 1, len(lines))
        name, = os.listdir(folder)
        if os.stat(folder / name).st_blocks * 512 < limit // 2:
            raise Failed(f"a core of {os.stat(folder / name).st_blocks * 512:,} bytes does not show the growth")


def interrupted(number):
    with Scratch() as folder, target() as growing:
        process = start(folder, growing, "--every", "1h", "-o", "a.%n")
        process.stdout.readline()
        process.send_signal(number)
        end(process, 0)
        expect("files", ["a.1"], os.listdir(folder))


def target_ends():
    with Scratch() as folder, target() as growing:
        process = start(folder, growing, "--every", "1s", "-o", "a.%n")
        process.stdout.readline()
        growing.process.kill()
        growing.process.wait()
        _, errors = end(process, 0)
        if "has ended" not in errors:
            raise Failed(f"nothing said of the end of the process: {errors}")


def later_failure():
    """What fails later is said, and the rest is tried; in the end the exit code tells."""
    with Scratch() as folder, target() as growing:
        (folder / "a.2").touch()
        _, errors = end(start(folder, growing, "--every", "1s", "--count", "3", "-o", "a.%n"), 1)
        expect("files", ["a.1", "a.2", "a.3"], sorted(os.listdir(folder)))
        for words in ("'a.2' exists", "1 of 3 snapshots failed"):
            if words not in errors:
                raise Failed(f"expected \"{words}\" in: {errors}")


def wrong_words():
    pid = str(os.getpid())
    for words, said in {
        ("--every=1",): "--every", ("--every=0.2s",): "--every", ("--every=x",): "--every", ("--when=rss<1G",): "rss>",
        ("--when=rss>",): "rss>", ("--when=rss>0",): "rss>", ("--count=2",): "--count", ("--keep=2",): "--keep",
        ("--every=1s", "-o", "one"): "'one'", ("--every=1s", "-o", "one%%t"): "'one%%t'", ("--every=1s", "--count=0"): "count",
    }.items():
        refused(run("snapshot", pid, *words, cwd=work_folder()), said, code=2)
    refused(run("snapshot", "4194303", "--every=1s", cwd=work_folder()), "4194303")


def tests():
    yield "every second", every
    yield "json", as_json
    yield "when", when
    yield "SIGINT", lambda: interrupted(signal.SIGINT)
    yield "SIGTERM", lambda: interrupted(signal.SIGTERM)
    yield "the target ends", target_ends
    yield "a later failure", later_failure
    yield "wrong words", wrong_words
