"""Targets of odd kinds: the right mode is chosen, the core says what it lacks, and the target goes on."""
import os
import pathlib
import resource
import signal
import subprocess
import time

from test_undisturbed import bytes_at, fine
from victim import TOOL, Failed, Folder, Skipped, Victim, built, expect, leftover, snapshot


class Odd(Victim):
    """odd KIND [MEBIBYTES]"""

    must_be_0 = ()

    @staticmethod
    def path():
        return built("odd")

    @staticmethod
    def moved(before, now):
        return now["counted"] > before["counted"]


def hugetlb():
    """The pool is the system's: two pages for the target, none for a copy."""
    pool = pathlib.Path("/proc/sys/vm/nr_hugepages")
    before = int(pool.read_text())
    try:
        pool.write_text(str(before + 2))
    except OSError as why:
        raise Skipped(f"no huge pages here: {why}") from None
    try:
        chooses("hugetlb", "stop", "hugetlb")
    finally:
        pool.write_text(str(before))


def mode_of(done):
    return done.stdout.split('"mode":')[1].split('"')[1]


def expect_said(words, text):
    if words not in text:
        raise Failed(f"expected '{words}' in: {text[-500:]}")


def chooses(kind, mode, reason="", *words):
    with Odd(kind) as target, Folder() as folder:
        if "unable" in target.places:
            raise Skipped(f"{kind} is not possible here")
        target.check()
        for number in range(3):
            done, core = snapshot(target, folder, *words)
            fine(done)
            expect("mode", mode, mode_of(done))
            expect_said(reason, done.stderr)
            target.wait_for_copies("", f"snapshot {number}")
            target.check(f"snapshot {number}")
            heap = target.places["heap"]
            expect("heap", heap, int.from_bytes(bytes_at(core, heap, 8), "little"))


def refuses(kind, reason, *words):
    with Odd(kind) as target, Folder() as folder:
        target.check()
        done, _ = snapshot(target, folder, *words)
        expect("exit", 1, done.returncode)
        expect_said(reason, done.stderr)
        leftover(folder)
        target.check("afterwards")


def sparse():
    with Odd("sparse") as target, Folder() as folder:
        before = int(pathlib.Path(f"/proc/{target.pid}/statm").read_text().split()[1])
        begin = time.monotonic()
        done, core = snapshot(target, folder)
        fine(done)
        took = time.monotonic() - begin
        if took > 5 or core.stat().st_blocks * 512 > 100 << 20:
            raise Failed(f"{took:.1f} s, {core.stat().st_blocks * 512:,} bytes on disk")
        after = int(pathlib.Path(f"/proc/{target.pid}/statm").read_text().split()[1])
        if after - before > 100:
            raise Failed(f"the target grew by {after - before} pages")
        target.check("afterwards")
        return f"{took * 1000:.0f} ms"


def parts():
    """Memory that a copy lacks or shares is there; what the program wants left out is not, and that is said."""
    with Odd("parts") as target, Folder() as folder:
        for mode in ("fork", "stop"):
            done, core = snapshot(target, folder, f"--mode={mode}")
            fine(done)
            for part in ("dontfork", "shared"):
                addr = target.places[part]
                got = bytes_at(core, addr, 65536)
                for at in range(0, 65536, 8):
                    if int.from_bytes(got[at:at + 8], "little") != addr + at:
                        raise Failed(f"{mode}: {part} differs at {at}")
            for part in ("wipeonfork", "dontdump"):
                try:
                    bytes_at(core, target.places[part], 8)
                except Failed:
                    pass
                else:
                    raise Failed(f"{mode}: {part} is in the core")
                expect_said(f"left_out {target.places[part]:x} {target.places[part] + 65536:x} asked",
                            core.read_bytes()[:1 << 20].decode(errors="replace"))
            target.check(mode)


def large_part():
    with Odd("large-dontfork") as target, Folder() as folder:
        done, core = snapshot(target, folder)
        fine(done)
        expect_said(f"left_out {target.places['dontfork']:x} ", core.read_bytes()[:1 << 20].decode(errors="replace"))
        target.check("afterwards")


def stopped():
    with Odd("plain") as target, Folder() as folder:
        os.kill(target.pid, signal.SIGSTOP)
        time.sleep(0.1)
        done, _ = snapshot(target, folder)
        fine(done)
        expect("mode", "stop", mode_of(done))
        expect("state", "T", pathlib.Path(f"/proc/{target.pid}/stat").read_text().rsplit(")", 1)[1].split()[0])
        os.kill(target.pid, signal.SIGCONT)
        target.check("continued")


def stop_storm():
    """SIGSTOP and SIGCONT amid everything."""
    with Odd("plain") as target, Folder() as folder:
        storm = subprocess.Popen(["sh", "-c", f"while kill -STOP {target.pid} && kill -CONT {target.pid}; do :; done"],
                                 stderr=subprocess.DEVNULL)
        try:
            modes = [mode_of(fine(snapshot(target, folder)[0])) for _ in range(15)]
        finally:
            storm.kill()
            storm.wait()
        os.kill(target.pid, signal.SIGCONT)
        target.wait_for_copies("", "afterwards")
        target.check("afterwards")
        return f"{modes.count('fork')} of {len(modes)} by fork"


def traced():
    with Odd("plain") as target, Folder() as folder:
        tracer = subprocess.Popen(["gdb", "-nx", "-q", "-p", str(target.pid)], stdin=subprocess.PIPE,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            status = pathlib.Path(f"/proc/{target.pid}/status")
            while "TracerPid:\t0" in status.read_text():
                time.sleep(0.01)
            done, _ = snapshot(target, folder)
            expect("exit", 1, done.returncode)
            expect_said("already traced by 'gdb'", done.stderr)
            done, core = snapshot(target, folder, "--no-stop")
            fine(done)
            expect("mode", "no-stop", mode_of(done))
        finally:
            tracer.kill()
            tracer.wait()
        target.check("afterwards")


def two_at_once():
    with Odd("plain", 128) as target, Folder() as one:
        for _ in range(10):
            tools = [subprocess.Popen([TOOL, "snapshot", str(target.pid), "-o", one / str(i)], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE, text=True) for i in range(2)]
            for i, tool in enumerate(tools):
                said = tool.communicate()[1]
                if tool.returncode and "already traced" not in said and "cannot be" not in said:
                    raise Failed(said)
                (one / str(i)).unlink(missing_ok=True)
            leftover(one)
            target.check()
        fine(snapshot(target, one)[0])
        target.wait_for_copies("", "afterwards")


def target_ends():
    with Folder() as folder:
        for number in range(8):
            with Odd("plain", 256) as target:
                tool = subprocess.Popen([TOOL, "snapshot", str(target.pid), "-o", folder / "core"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                time.sleep(0.01 + 0.02 * number)
                target.process.kill()
                said = tool.communicate(timeout=20)[1]
                if tool.returncode and "ended" not in said and "no process" not in said:
                    raise Failed(said)
                if tool.returncode:
                    leftover(folder)
                (folder / "core").unlink(missing_ok=True)


def disk_full():
    with Odd("plain") as target, Folder() as folder:
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))
        done = subprocess.run([TOOL, "snapshot", str(target.pid), "-o", folder / "core"], text=True, capture_output=True,
                              preexec_fn=limit)
        expect("exit", 1, done.returncode)
        expect_said("File too large", done.stderr)
        leftover(folder)
        target.wait_for_copies("", "afterwards")
        target.check("afterwards")


GROUPS = pathlib.Path("/sys/fs/cgroup")


class Group:
    """A control group of version 1 for one test."""

    def __init__(self, controller):
        self.path = GROUPS / controller / f"heapgraph-test-{os.getpid()}"

    def __enter__(self):
        try:
            self.path.mkdir()
        except OSError as why:
            raise Skipped(f"no control groups here: {why}") from None
        return self

    def __exit__(self, *_):
        for _ in range(200):
            try:
                return self.path.rmdir()
            except OSError:
                time.sleep(0.05)

    def set(self, file, value):
        (self.path / file).write_text(str(value))


def little_memory():
    """A group with room for 1.4 times the target: stop mode by itself; by force, the copy dies and never the target."""
    with Group("memory") as group, Folder() as folder:
        group.set("memory.limit_in_bytes", int(1.4 * (256 << 20)))
        into = ("sh", "-c", f'echo $$ >{group.path}/cgroup.procs; exec "$0" "$@"')
        with Odd("scribble", 256, before=into) as target:
            target.check("before")
            done, _ = snapshot(target, folder)
            fine(done)
            expect("mode", "stop", mode_of(done))
            expect_said("too little memory", done.stderr)
            given_up = 0
            for number in range(5):
                done, _ = snapshot(target, folder, "--mode=fork")
                given_up += done.returncode != 0
                target.wait_for_copies("", f"snapshot {number}")
                target.check(f"snapshot {number}")
            return f"{given_up} of 5 given up"


def frozen():
    with Group("freezer") as group, Folder() as folder, Odd("plain") as target:
        group.set("cgroup.procs", target.pid)
        group.set("freezer.state", "FROZEN")
        try:
            while "FROZEN" not in (group.path / "freezer.state").read_text():
                time.sleep(0.01)
            done, core = snapshot(target, folder)
            fine(done)
            expect("mode", "frozen", mode_of(done))
            heap = target.places["heap"]
            expect("heap", heap, int.from_bytes(bytes_at(core, heap, 8), "little"))
        finally:
            group.set("freezer.state", "THAWED")
        target.check("afterwards")
        (GROUPS / "freezer/cgroup.procs").write_text(str(target.pid))


def world_writable():
    with Odd("plain") as target, Folder() as folder:
        open_folder = folder / "open"
        open_folder.mkdir()
        open_folder.chmod(0o777)
        done, _ = snapshot(target, open_folder)
        expect("exit", 1, done.returncode)
        expect_said("anybody may write", done.stderr)
        open_folder.chmod(0o1777)
        fine(snapshot(target, open_folder)[0])


def tests():
    yield "plain", lambda: chooses("plain", "fork", "fork mode")
    yield "stop by wish", lambda: chooses("plain", "stop", "", "--mode=stop")
    yield "seccomp that kills", lambda: chooses("seccomp-kill", "stop", "seccomp")
    yield "seccomp that kills, by force", lambda: refuses("seccomp-kill", "seccomp", "--mode=fork")
    yield "seccomp with errors", lambda: chooses("seccomp-errno", "stop", "seccomp")
    yield "seccomp that allows", lambda: chooses("seccomp-allow", "fork")
    yield "main thread deep in its stack", lambda: chooses("deep-stack", "stop", "stack")
    yield "hugetlb", hugetlb
    yield "parent of vfork", lambda: chooses("vfork", "fork")
    yield "thread storm", lambda: chooses("storm", "fork")
    yield "pause too long", lambda: refuses("plain", "--max-pause", "--max-pause=1", "--mode=stop")
    yield "sparse", sparse
    yield "odd parts", parts
    yield "large part", large_part
    yield "stopped", stopped
    yield "SIGSTOP storm", stop_storm
    yield "traced", traced
    yield "two at once", two_at_once
    yield "target ends", target_ends
    yield "disk full", disk_full
    yield "little memory", little_memory
    yield "frozen", frozen
    yield "world-writable folder", world_writable


def long_tests():
    return ()
