"""Wrong input gets one clear line, or a counted gap; never a crash, a hang or a made-up number."""
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import threading
import time

from harness import (LIMIT, Core, Failed, Skipped, TOP, Target, ask, build, expect, good, json, newest, run, work_folder)

CUTS = 200
DAMAGES = 60
ANNOUNCED = re.compile(r"heapgraph: (fork|stop|frozen) mode: ")  # what a snapshot says before it begins


def refused(done, *words, code=1):
    """One line on stderr, nothing on stdout; wrong words may get a second that points to the help."""
    expect("exit code", code, done.returncode)
    lines = [line for line in done.stderr.strip().splitlines() if not ANNOUNCED.match(line)]
    if len(lines) > 1 and code == 2 and lines[-1].startswith("try 'heapgraph help"):
        lines.pop()
    if len(lines) != 1 or done.stdout:
        raise Failed(f"expected one line on stderr alone, got {lines[:4]} and {done.stdout[:80]!r}")
    for word in words:
        if word.lower() not in lines[0].lower():
            raise Failed(f"expected '{word}' in: {lines[0]}")


class Scratch:
    """A folder that goes away."""

    def __enter__(self):
        import tempfile
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="bad.", dir=work_folder()))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)




def not_elf():
    with Scratch() as folder:
        for content in (b"", b"\x7f", b"\x7fELF", b"#!/bin/sh\necho hello\n", os.urandom(5000), b"\0" * 100000):
            path = folder / "file"
            path.write_bytes(content)
            refused(run("analyze", path), "file")


def not_a_core():
    refused(run("analyze", build(newest(), "default", "shapes")), "core")
    refused(run("analyze", "/bin/sh"), "core")


def no_such_file():
    refused(run("analyze", "/no/such/file"), "/no/such/file", "No such file")
    refused(run("analyze", TOP))
    refused(run("snapshot", "/no/such/file"), code=2)


def usage():
    for words in (["analyze"], ["top"], ["nonsense"], ["top", "--by=nonsense", "1"], ["analyze", "--no-such-option", "x"], ["why", "x"],
                  ["snapshot"], ["top", "-n", "minus", "x"]):
        done = run(*words)
        expect(f"exit code of '{' '.join(words)}'", 2, done.returncode)
        if not done.stderr or done.stdout:
            raise Failed(f"'{' '.join(words)}': wants words on stderr alone, got {done.stdout[:80]!r}")


def another_architecture():
    with Target(build(newest(), "default", "garbage")) as target, Core(target) as core:
        with open(core, "r+b") as file:
            file.seek(18)
            file.write(struct.pack("<H", 183))
        done = run("analyze", core)
        expect("exit code of an aarch64 core", 1, done.returncode)
        with open(core, "r+b") as file:
            file.seek(18)
            file.write(struct.pack("<H", 8))
        refused(run("analyze", core))
        with open(core, "r+b") as file:
            file.seek(4)
            file.write(b"\x01")
        refused(run("analyze", core))


def truncated():
    """A core cut at many places: read as far as it goes, or refused in a line."""
    rng = random.Random(1)
    answered = 0
    with Target(build(newest(), "default", "garbage")) as target, Core(target) as core:
        totals = ask("top", core, "--by=type")["totals"]
        whole, allocated = totals["live_bytes"], totals["live_bytes"] + totals["garbage_bytes"]
        size = core.stat().st_size
        header = 64 + 56 * struct.unpack_from("<H", core.read_bytes()[:64], 56)[0]
        places = {0, 1, 63, 64, 65, header - 1, header, header + 1, size - 1, size - 4096}
        places |= {rng.randrange(header * 4) for _ in range(60)}
        while len(places) < CUTS:
            places.add(rng.randrange(size))
        for place in sorted(places, reverse=True):
            os.truncate(core, place)
            done = run("top", core, "--by=type", "--format=json", seconds=20)
            if done.returncode:
                refused(done)
                continue
            report = json.loads(done.stdout)
            answered += 1
            # Where pointer masks are lost, words are taken for pointers; what lives by that alone is counted apart.
            live, doubtful = report["totals"]["live_bytes"], report["coverage"].get("conservative_bytes", 0)
            if live - doubtful > whole + 65536 or live + report["totals"]["garbage_bytes"] > allocated + 65536:
                raise Failed(f"cut at {place} of {size}: the whole has {totals}, got {report['totals']}, {report['coverage']}")
            lost = report["coverage"]["missing_bytes"] > 0 or report["coverage"]["notes"]
            if not lost and report["totals"]["live_bytes"] < whole:
                raise Failed(f"cut at {place}: fewer live bytes and no word about it")
    return f"{answered} of {CUTS} cut cores still answered"


def executable_missing():
    with Scratch() as folder:
        program = folder / "program"
        shutil.copy(build(newest(), "default", "garbage"), program)
        with Target(program) as target, Core(target) as core:
            program.unlink()
            done = run("analyze", core)
            if done.returncode:
                refused(done, "program")
            moved = folder / "elsewhere"
            shutil.copy(build(newest(), "default", "garbage"), moved)
            good("analyze", core, f"--exe={moved}")
            shutil.copy(build(newest(), "default", "types"), program)
            done = run("analyze", core)
            if done.returncode:
                refused(done)
            elif "build" not in done.stdout + done.stderr:
                raise Failed(f"another build of the executable, and no word about it: {done.stdout[:300]}")
            refused(run("analyze", core, f"--exe={build(newest(), 'default', 'types')}"), "build", code=2)


def stripped():
    with Target(build(newest(), "stripped", "shapes")) as target, Core(target) as core:
        refused(run("analyze", core), "debug info")
        refused(run("analyze", target.pid), "debug info")


def not_go():
    """A C program without debug info is refused in a line, or answered without a word of Go and nothing typed."""
    with Target(pathlib.Path("/bin/cat"), wait=False) as target:
        time.sleep(0.1)
        done = run("top", target.pid, "--by=type", "--format=json")
        if done.returncode:
            return refused(done)
        report = json.loads(done.stdout)
        if report["source"]["runtime"].startswith("go") or report["coverage"]["typed_bytes"]:
            raise Failed(f"'cat' is said to be {report['source']} with {report['coverage']}")
        if not any("debug info" in note for note in report["coverage"]["notes"]):
            raise Failed(f"no word about missing debug info: {report['coverage']}")


def pid_gone():
    gone = subprocess.Popen(["true"])
    gone.wait()
    refused(run("snapshot", gone.pid, cwd=work_folder()), str(gone.pid))
    refused(run("analyze", gone.pid), str(gone.pid))
    refused(run("snapshot", 1 << 30, cwd=work_folder()))
    zombie = subprocess.Popen(["true"])
    time.sleep(0.2)
    refused(run("snapshot", zombie.pid, cwd=work_folder()), str(zombie.pid))
    zombie.wait()


def no_permission():
    if os.geteuid():
        raise Skipped("needs root, to become another user")
    with Target(build(newest(), "default", "garbage")) as target, Scratch() as folder:
        folder.chmod(0o777)
        tool = pathlib.Path("/tmp") / f"heapgraph.{os.getpid()}"
        shutil.copy(TOP / "build/heapgraph", tool)
        try:
            tool.chmod(0o755)
            for words in (["analyze", str(target.pid)], ["snapshot", str(target.pid), "-o", "/dev/shm/heapgraph.core"]):
                done = subprocess.run([tool, *words], capture_output=True, text=True, user=65534, group=65534, extra_groups=[],
                                      cwd="/", timeout=LIMIT)
                refused(done, "user")
        finally:
            tool.unlink()


def already_traced():
    with Target(build(newest(), "default", "garbage")) as target:
        if not shutil.which("gdb"):
            raise Skipped("no gdb here")
        debugger = subprocess.Popen(["gdb", "-nx", "-q", "-p", str(target.pid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT)
        try:
            for _ in range(100):
                status = pathlib.Path(f"/proc/{target.pid}/status").read_text()
                if "TracerPid:\t0" not in status:
                    break
                time.sleep(0.1)
            time.sleep(1)
            refused(run("snapshot", target.pid, cwd=work_folder()), "traced")
        finally:
            debugger.kill()
            debugger.wait()


def exits_while_read():
    """The process ends at any moment of the snapshot: an error or a core, and no half file."""
    outcomes = []
    path = build(newest(), "default", "shapes")
    for step in range(25):
        with Target(path) as target, Scratch() as folder:
            threading.Timer(step * 0.004, target.process.kill).start()
            done = run("snapshot", target.pid, "-o", folder / "core", seconds=30)
            outcomes.append(done.returncode)
            if done.returncode:
                refused(done)
                if any(folder.iterdir()):
                    raise Failed(f"a half core is left: {list(folder.iterdir())}")
    return f"{outcomes.count(0)} of {len(outcomes)} were faster than the end"


def harmless():
    """The target goes on when the tool is killed in the middle."""
    path = build(newest(), "default", "shapes")
    with Target(path) as target, Scratch() as folder:
        for step in range(15):
            tool = subprocess.Popen([TOP / "build/heapgraph", "snapshot", str(target.pid), "-o", folder / f"core.{step}"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(step * 0.005)
            tool.send_signal(signal.SIGKILL if step % 2 else signal.SIGINT)
            tool.wait(30)
        target.drop("main.anything")


def segments(core):
    data = core.read_bytes()[:64]
    offset, count = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
    with open(core, "rb") as file:
        file.seek(offset)
        table = file.read(56 * count)
    for at in range(0, len(table), 56):
        kind, flags, start, vaddr, _, size = struct.unpack_from("<IIQQQQ", table, at)
        if kind == 1 and size:
            yield start, size, flags, vaddr


def damage(file, core, rng, places):
    """Fills some pages with zeros or noise: of the heap, and most of all of the runtime's own writable memory."""
    for _ in range(rng.choice([1, 1, 4, 40])):
        start, size, _, _ = rng.choice(places)
        length = min(rng.choice([8, 64, 4096, 65536]), size)
        at = start + rng.randrange(size - length + 1)
        file.seek(at)
        file.write(rng.choice([b"\0" * length, rng.randbytes(length), b"\xff" * length]))


def damaged():
    """Pages zeroed or filled with noise: an answer or a line, in time, with a total that the address space could hold."""
    answered = 0
    with Target(build(newest(), "default", "probes")) as target, Core(target) as core, Scratch() as folder:
        whole = ask("top", core, "--by=type")["totals"]
        writable = [s for s in segments(core) if s[2] & 2]
        for seed in range(DAMAGES):
            rng = random.Random(seed)
            copy = folder / "core"
            subprocess.run(["cp", "--sparse=always", core, copy], check=True)
            with open(copy, "r+b") as file:
                damage(file, copy, rng, writable)
            done = run("analyze", copy, "--format=json", "--verify", seconds=60)
            if done.returncode:
                refused(done)
                continue
            answered += 1
            totals = json.loads(done.stdout)["totals"]
            if totals["live_bytes"] > 4 * whole["heap_inuse_bytes"] + (1 << 20):
                raise Failed(f"seed {seed}: {totals['live_bytes']:,} live bytes where there were {whole['live_bytes']:,}")
    return f"{answered} of {DAMAGES} damaged cores still answered"


def why_unknown():
    with Target(build(newest(), "default", "garbage")) as target, Core(target) as core:
        refused(run("why", core, "main.NoSuchType"), "main.NoSuchType")
        refused(run("why", core, "0x1"), "0x1")
        refused(run("top", core, "--filter=["), "filter", code=2)


def mid_allocation():
    """Stopped again and again while it allocates and collects: always an answer that verifies."""
    with Target(build(newest(), "default", "busy")) as target:
        for _ in range(8):
            with Core(target) as core:
                report = json.loads(good("analyze", core, "--verify", "--format=json"))
                if report["coverage"]["typed_bytes"] > report["totals"]["live_bytes"]:
                    raise Failed(f"more typed than live: {report['coverage']}")
            time.sleep(0.01)


def tests():
    for test in (not_elf, not_a_core, no_such_file, usage, another_architecture, truncated, executable_missing, stripped, not_go, pid_gone,
                 no_permission, already_traced, exits_while_read, harmless, damaged, why_unknown, mid_allocation):
        yield test.__name__.replace("_", " "), test
