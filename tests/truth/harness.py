"""What the truth tests share: tool chains, building and running fixtures, asking heapgraph, and saying how it went.

A test file defines tests(), which yields (name, function). The function returns when all is well and raises Failed or Skipped.
"""
import errno
import functools
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = TOP / "build"
TOOL = pathlib.Path(os.environ.get("HEAPGRAPH", BUILD / "heapgraph"))
MODES = {
    "default": ([], {"CGO_ENABLED": "0"}),
    "pie": (["-buildmode=pie"], {"CGO_ENABLED": "0"}),
    "cgo": (["-ldflags=-linkmode=external"], {"CGO_ENABLED": "1"}),
    "stripped": (["-ldflags=-s -w"], {"CGO_ENABLED": "0"}),
}
LIMIT = 120  # seconds; whoever takes longer hangs


class Failed(Exception):
    """expected ... got ..."""


class Skipped(Exception):
    """the reason"""


def expect(what, expected, got):
    if expected != got:
        raise Failed(f"{what}: expected {expected}, got {got}")


def expect_near(what, expected, got, slack):
    if abs(expected - got) > slack:
        raise Failed(f"{what}: expected {expected:,} within {slack:,}, got {got:,} (off by {got - expected:+,})")


@functools.lru_cache(maxsize=None)
def toolchains():
    """Returns {"1.22": (release, go or None, reason)} for every release of the list."""
    said = subprocess.run([TOP / "tests/toolchains.sh", *os.environ.get("GO_RELEASES", "").split()],
                          capture_output=True, text=True, check=True).stdout
    table = {}
    for line in said.splitlines():
        release, go, *reason = line.split(" ", 2)
        table[".".join(release.split(".")[:2])] = (release, None if go == "-" else go, " ".join(reason))
    return table


def versions():
    return list(toolchains())


def newest():
    return [v for v, (_, go, _) in toolchains().items() if go][-1]


_build_lock = threading.Lock()


def build(version, mode, fixture):
    """Builds one fixture, unless it stands already, and returns its path."""
    release, go, reason = toolchains().get(version, (version, None, "not in the list"))
    if not go:
        raise Skipped(f"Go {release}: {reason}")
    flags, env = MODES[mode]
    out = BUILD / "fixtures" / release / mode / fixture
    source = TOP / "fixtures/go"
    newest_source = max(f.stat().st_mtime for f in [*source.glob(f"{fixture}/*"), *source.glob("truth/*"), source / "go.mod"])
    with _build_lock:
        if not out.exists() or out.stat().st_mtime < newest_source:
            out.parent.mkdir(parents=True, exist_ok=True)
            done = subprocess.run([go, "build", *flags, "-o", out, f"./{fixture}"], cwd=source, text=True,
                                  capture_output=True, timeout=900,
                                  env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off", **env})
            if done.returncode:
                raise Failed(f"go build of {fixture} by {release}: {done.stdout}{done.stderr}"[:600])
    return out


class Target:
    """A running fixture. Its truths are read when it is ready."""

    def __init__(self, path, *arguments, env=None, wait=True, **options):
        self.path = path
        self.process = self.start([path, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, bufsize=0, env={**os.environ, **(env or {})}, **options)
        self.pid = self.process.pid
        self.unread = b""
        self.truths, self.counts = {}, {}
        if wait:
            self.read_truths()

    @staticmethod
    def start(words, **options):
        """Another thread that starts something at the moment when a program is copied holds the copy open for writing."""
        for _ in range(200):
            try:
                return subprocess.Popen(words, **options)
            except OSError as why:
                if why.errno != errno.ETXTBSY:
                    raise
                time.sleep(0.01)
        raise Failed(f"{words[0]} stays busy")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def line(self, seconds=LIMIT):
        until = time.monotonic() + seconds
        while b"\n" not in self.unread:
            if not select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))[0]:
                raise Failed(f"{self.path.name}: silent for {seconds} s")
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                raise Failed(f"{self.path.name}: ended with {self.process.wait()}")
            self.unread += more
        line, self.unread = self.unread.split(b"\n", 1)
        return line.decode()

    def read_truths(self, until="ready"):
        while (line := self.line()) != until:
            words = dict(word.split("=", 1) for word in line.split()[1:])
            if "type" in words:
                self.counts[words["type"]] = int(words["count"])
            else:
                self.truths.update((k, int(v) if v.isdigit() else v) for k, v in words.items())

    def tell(self, command):
        self.process.stdin.write(command.encode() + b"\n")

    def drop(self, name):
        """Lets go of a name; returns how far the heap fell."""
        self.tell("drop " + name)
        said = self.line()
        if not said.startswith(f"fell {name} "):
            raise Failed(f"drop {name}: {said}")
        return int(said.rsplit(" ", 1)[1])

    def settle(self):
        """Collects twice (by dropping nothing) and reads the heap again."""
        self.tell("drop nothing")
        self.line()
        self.tell("heap")
        self.read_truths()


def run(*words, seconds=LIMIT, **options):
    """Runs heapgraph; a crash or a hang fails the test, whatever it asked for."""
    try:
        done = subprocess.run([TOOL, *map(str, words)], capture_output=True, text=True, timeout=seconds,
                              errors="replace", **options)
    except subprocess.TimeoutExpired:
        raise Failed(f"'{' '.join(map(str, words))}' hangs: no end after {seconds} s") from None
    if done.returncode not in (0, 1, 2):
        raise Failed(f"'{' '.join(map(str, words))}' ends with {done.returncode}: {done.stderr[-400:]}")
    return done


def good(*words, **options):
    done = run(*words, **options)
    if done.returncode:
        raise Failed(f"'{' '.join(map(str, words))}' says: {done.stderr.strip()[-400:]}")
    return done.stdout


def ask(*words, runtime="go1.", **options):
    """A report as a dict, checked against the contract of JSON. runtime: how the name of the target's begins."""
    import contract
    report = json.loads(good(*words, "--format=json", **options), parse_float=contract.no_float)
    contract.check(report, runtime=runtime)
    return report


class Core:
    """A core in a folder of its own that goes away with it."""

    def __init__(self, target, by="snapshot"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="core.", dir=work_folder()))
        self.path = self.folder / "core"
        try:
            getattr(self, "by_" + by)(target)
        except BaseException:
            self.__exit__()
            raise

    def by_snapshot(self, target):
        self.said = good("snapshot", target.pid, "-o", self.path)

    def by_gcore(self, target):
        if not shutil.which("gcore"):
            raise Skipped("no gcore here (package gdb)")
        subprocess.run(["gcore", "-a", "-o", self.path, str(target.pid)], capture_output=True, timeout=LIMIT, check=False)
        dumped = pathlib.Path(f"{self.path}.{target.pid}")
        if not dumped.exists():
            raise Failed("gcore wrote nothing")
        dumped.rename(self.path)

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)


def work_folder():
    folder = BUILD / "truth"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def rows_by(report, key):
    return {row[key]: row for row in report["rows"]}


def line_of(path, pattern):
    """The number of the line of a source file that matches."""
    for number, text in enumerate((TOP / path).read_text().splitlines(), 1):
        if re.search(pattern, text):
            return number
    raise Failed(f"{path} has no {pattern}")


def stop(pid):
    os.kill(pid, signal.SIGKILL)
