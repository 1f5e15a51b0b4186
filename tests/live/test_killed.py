"""Whenever the tool dies, the target goes on as if nothing had been, and the next snapshot clears up."""
import random
import subprocess
import time

from test_hostile import Odd
from victim import FAULTY, TOOL, Failed, Folder, GoVictim, Victim, expect, is_killed, leftover, snapshot, steps


def die_at(target, names):
    with target() as victim, Folder() as folder:
        victim.check("at the beginning")
        for name in names:
            done, _ = snapshot(victim, folder, tool=FAULTY, env={"HEAPGRAPH_DIE_AT": name})
            if not is_killed(done):
                raise Failed(f"{name}: it did not die there: {done.returncode} {done.stderr[-300:]}")
            victim.kills += name.endswith("-held")
            victim.wait_for_copies("Z", name)
            victim.check(name)
            done, _ = snapshot(victim, folder)
            if done.returncode or '"mode": "fork"' not in done.stdout.replace('":"', '": "'):
                raise Failed(f"the snapshot after {name}: {done.stdout} {done.stderr[-300:]}")
            victim.wait_for_copies("", f"the snapshot after {name}")
            victim.check(f"the snapshot after {name}")
        return f"{len(names)} steps"


def at_random(kind, kills, *words):
    """Killed at any instant, time after time; the first interval is as long as a whole snapshot."""
    numbers = random.Random(kills)
    with kind(*words) as victim, Folder() as folder:
        began = time.monotonic()
        done, core = snapshot(victim, folder)
        expect("exit", 0, done.returncode)
        core.unlink()
        whole = time.monotonic() - began
        killed = 0
        for number in range(kills):
            tool = subprocess.Popen([TOOL, "snapshot", str(victim.pid), "-o", folder / "core"], stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
            time.sleep(numbers.random() * whole * (0.3 if number % 2 else 1.0))
            tool.kill()
            killed += tool.wait() != 0
            victim.kills = killed
            (folder / "core").unlink(missing_ok=True)
            leftover(folder)
            victim.check(f"kill {number}")
        done, _ = snapshot(victim, folder)
        if done.returncode:
            raise Failed(f"the snapshot afterwards: {done.stderr}")
        victim.wait_for_copies("", "the snapshot afterwards")
        victim.check("at the end")
        return f"{killed} of {kills} killed midway"


def tests():
    yield "at every step", lambda: die_at(lambda: Victim(32, "full"), steps())
    yield "at random, 64 MB", lambda: at_random(Victim, 20, 64, "full")


def long_tests():
    for mode in ("registers", "vectors", "sleepy"):
        yield f"at every step, main thread in {mode}", lambda m=mode: die_at(lambda: Victim(32, m), steps())
    yield "at every step, under a filter that knows the calls", lambda: die_at(lambda: Odd("seccomp-allow"), steps())
    yield "at random, 1 GB", lambda: at_random(Victim, 200, 1024, "full")
    yield "at random, Go", lambda: at_random(GoVictim, 100, 128)
