"""How long the target stands still, by its own clock: against what is printed, and against gdb's gcore in the same run."""
import json
import shutil
import statistics
import subprocess

from test_undisturbed import fine
from victim import Failed, Folder, Skipped, Victim, expect, snapshot, work_folder


def own_gaps(victim, act):
    """The eight longest, in microseconds."""
    victim.report()
    act()
    now = victim.report()
    return sorted((value for key, value in now.items() if key.startswith("gap")), reverse=True)


def by_us(victim, folder, *words):
    """Returns the target's longest gap, the printed pause and the second one, in microseconds."""
    said = []
    gaps = own_gaps(victim, lambda: said.append(fine(snapshot(victim, folder, "--max-pause=0", *words)[0])))
    row = json.loads(said[0].stdout)["rows"][0]
    return gaps[0], row["stopped_us"], row["reap_us"]


def by_gcore(victim, folder):
    gap = own_gaps(victim, lambda: subprocess.run(["gcore", "-o", folder / "gcore", str(victim.pid)], capture_output=True,
                                                  timeout=300, check=False))[0]
    for file in folder.glob("gcore*"):
        file.unlink()
    return gap


def room_for(size):
    free = shutil.disk_usage(work_folder()).free
    if free < 3 * size << 20:
        raise Skipped(f"{free >> 20} MB of disk are free")
    available = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemAvailable"))
    if available >> 10 < 2.5 * size:
        raise Skipped(f"{available >> 10} MB of memory are free")


def compare(size, pages, rounds, factor, exact):
    """What is printed is never more than the longest gap: the target cannot have stood still for longer. That it is not less
    (exact) can only be told on a machine where nobody else keeps the target waiting."""
    room_for(size)
    with Victim(size, "meter", pages) as victim, Folder() as folder:
        victim.check()
        gaps, off = [], []
        for _ in range(rounds):
            gap, printed, _ = by_us(victim, folder, "--mode=fork")
            gaps.append(gap)
            off.append(gap - printed)
        stops = [by_us(victim, folder, "--mode=stop")[0] for _ in range(2)]
        gcores = [by_gcore(victim, folder) for _ in range(2)]
        victim.check("afterwards")
    ours, theirs = statistics.median(gaps), statistics.median(gcores)
    words = (f"fork {ours / 1000:.1f} ms ({min(gaps) / 1000:.1f}-{max(gaps) / 1000:.1f}), stop "
             f"{statistics.median(stops) / 1000:.0f} ms, gcore {theirs / 1000:.0f} ms: {theirs / ours:.0f} times; printed off by "
             f"{statistics.median(off) / 1000:+.2f} ms ({min(off) / 1000:+.2f} to {max(off) / 1000:+.2f})")
    if factor and theirs < factor * ours:
        raise Failed(f"less than {factor} times shorter: {words}")
    middle = statistics.median(off)
    if middle < -500 or (exact and middle > 500):
        raise Failed(f"the printed pause is off: {words}")
    return words


def many_threads(count):
    with Victim(16, "meter", "small", count) as victim, Folder() as folder:
        victim.check()
        gaps = []
        for _ in range(3):
            gap, printed, reap = by_us(victim, folder, "--mode=fork")
            gaps.append(gap)
            victim.wait_for_copies("", "afterwards")
        now = victim.check("afterwards")
        expect("interrupted waits", 0, now["woken"])
        return f"{statistics.median(gaps) / 1000:.1f} ms, printed {printed / 1000:.1f}, {reap / 1000:.2f} when it was taken away"


def small():
    with Victim(4, "meter") as victim, Folder() as folder:
        gaps = [by_us(victim, folder)[0] for _ in range(5)]
        return f"{statistics.median(gaps) / 1000:.1f} ms"


def tests():
    yield "256 MB against gcore", lambda: compare(256, "small", 5, 5, False)
    yield "1,000 threads", lambda: many_threads(1000)


def long_tests():
    yield "16 MB", small
    for size in (256, 1024, 4096):
        for pages in ("small", "huge"):
            need = 20 if size >= 1024 and pages == "small" else 0
            yield f"{size} MB, {pages} pages", lambda s=size, p=pages, n=need: compare(s, p, 5, n, True)
