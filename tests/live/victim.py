"""The victim: a program that counts whatever a snapshot does to it. And the tools, the one of tests with its fault points."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/truth"))
import harness  # noqa: E402
from harness import Failed, Skipped, expect  # noqa: E402,F401

BUILD = TOP / "build"
TOOL = pathlib.Path(os.environ.get("HEAPGRAPH", BUILD / "heapgraph"))
FAULTY = BUILD / "test/heapgraph"
MUST_BE_0 = ("torn", "registers", "vectors", "masks", "interrupted", "late", "strangers")


def work_folder():
    folder = BUILD / "live"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def built(name):
    source, out = TOP / f"fixtures/live/{name}.c", work_folder() / name
    if not out.exists() or out.stat().st_mtime < source.stat().st_mtime:
        part = out.with_suffix(f".{os.getpid()}")
        subprocess.run(["gcc", "-O2", "-pthread", "-frounding-math", "-o", part, source, "-lm"], check=True)
        part.rename(out)
    return out


class Victim:
    """victim MEBIBYTES MODE ...; counts stay 0 or Failed is raised."""

    must_be_0 = MUST_BE_0

    def __init__(self, *words, before=()):
        self.process = subprocess.Popen([*before, self.path(), *map(str, words)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        self.pid = self.process.pid
        self.places = self.read_line()
        self.kills = 0  # one that dies while it stops threads may wake one from epoll_wait

    @staticmethod
    def path():
        return built("victim")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.stdout.close()

    def read_line(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"the target ended with {self.process.wait()}")
        return {key: int(value) for key, value in (word.split("=") for word in line.split())}

    def report(self):
        try:
            self.process.stdin.write("report\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failed(f"the target ended with {self.process.wait()}") from None
        return self.read_line()

    def check(self, what=""):
        """All goes well, and all threads go on."""
        before = self.report()
        deadline = time.monotonic() + 20
        while not self.moved(before, now := self.report()):
            if time.monotonic() > deadline:
                raise Failed(f"{what}: a thread stands still: {before} {now}")
            time.sleep(0.01)
        for key in self.must_be_0:
            if now[key]:
                raise Failed(f"{what}: {key}={now[key]}: {now}")
        if now.get("woken", 0) > self.kills:
            raise Failed(f"{what}: {now['woken']} waits without end were interrupted, {self.kills} kills")
        return now

    @staticmethod
    def moved(before, now):
        if now["writes"] == before["writes"]:
            return False
        return not now["alive1"] or all(now[key] > before[key] for key in now if key.startswith("alive"))

    def copies(self):
        """Children that are not the target's own (those have SIGCHLD as their signal): state by PID."""
        found = {}
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            try:
                children = (task / "children").read_text().split()
            except OSError:
                continue
            for child in children:
                try:
                    fields = pathlib.Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                if fields[35] != "17":
                    found[int(child)] = fields[0]
        return found

    def wait_for_copies(self, allowed, what):
        """Copies may be in these states only, soon."""
        deadline = time.monotonic() + 20
        while bad := {pid: state for pid, state in self.copies().items() if state not in allowed}:
            if time.monotonic() > deadline:
                raise Failed(f"{what}: children are left: {bad}")
            time.sleep(0.01)


class GoVictim(Victim):
    """victim MEBIBYTES, in Go."""

    must_be_0 = ("corrupt", "bad_children", "bad_echoes")

    @staticmethod
    def path():
        return harness.build(harness.newest(), "default", "victim")

    @staticmethod
    def moved(before, now):
        return all(now[key] > before[key] for key in ("blocks", "children", "echoes", "gcs"))


class Folder:
    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(dir=work_folder()))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def snapshot(victim, folder, *words, tool=None, env=None, keep=False):
    """Takes one; returns (finished process, path of the core)."""
    core = folder / "core"
    core.unlink(missing_ok=True)
    done = subprocess.run([tool or TOOL, "snapshot", str(victim.pid), "-o", core, "--format=json", *words], text=True,
                          capture_output=True, timeout=120, env={**os.environ, **(env or {})})
    if not keep and done.returncode < 0:
        leftover(folder)
    return done, core


def leftover(folder):
    """A killed tool leaves no file, whole or part."""
    left = list(folder.iterdir())
    if left:
        raise Failed(f"files are left: {left}")


def steps():
    """The names of all fault points."""
    found = set()
    for file in sorted((TOP / "core").glob("*.c")):
        text = file.read_text()
        for phase, step in re.findall(r'hg_fault\("(\w+)",\s*"(\w+)"\)', text):
            found.add(f"{phase}-{step}")
        for words in re.findall(r"hg_fault\(injection->phase,([^;]*)\);", text):
            for step in re.findall(r'"(\w+)"', words):
                found.update(f"{phase}-{step}" for phase in ("clone", "reap"))
    return sorted(found - {"reap-birth", "reap-score"})


def is_killed(done):
    return done.returncode == -signal.SIGKILL
