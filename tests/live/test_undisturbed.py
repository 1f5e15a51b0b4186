"""What a target notices of a snapshot: the pause, and nothing else."""
import ctypes
import os
import re
import signal
import struct
import threading
import time

from victim import Failed, Folder, GoVictim, Victim, expect, snapshot

SLOTS = 4096


def fine(done):
    if done.returncode:
        raise Failed(done.stderr[-400:])
    return done


def send_queued(pid, count, stop):
    """Queued signals with a value each; returns their sum."""
    libc = ctypes.CDLL(None, use_errno=True)
    sent = total = 0
    while not stop.is_set() and sent < count:
        if libc.sigqueue(pid, signal.SIGRTMIN, ctypes.c_void_p(sent + 1)) == 0:
            sent += 1
            total += sent
        if sent % 20 == 0:
            time.sleep(0.001)
    return sent, total


def in_c(rounds, mode):
    with Victim(48, mode) as victim, Folder() as folder:
        victim.check()
        stop, result = threading.Event(), []
        sender = threading.Thread(target=lambda: result.append(send_queued(victim.pid, 1 << 30, stop)))
        sender.start()
        try:
            for number in range(rounds):
                fine(snapshot(victim, folder)[0])
                victim.wait_for_copies("", f"snapshot {number}")
                victim.check(f"snapshot {number}")
        finally:
            stop.set()
            sender.join()
        deadline = time.monotonic() + 20
        while (now := victim.check())["signals"] != result[0][0] and time.monotonic() < deadline:
            time.sleep(0.05)
        expect("signals", result[0][0], now["signals"])
        expect("sum of their values", result[0][1] & 0xFFFFFFFFFFFFFFFF, now["signal_sum"])
        if abs(now["child_signals"] - now["children"]) > 1:
            raise Failed(f"{now['children']} children but {now['child_signals']} signals of them")
        return f"{rounds} snapshots, {now['signals']} signals"


def in_go(rounds):
    with GoVictim(96) as victim, Folder() as folder:
        victim.check()
        sent = 0
        for number in range(rounds):
            fine(snapshot(victim, folder)[0])
            os.kill(victim.pid, signal.SIGUSR1)
            sent += 1
            victim.wait_for_copies("", f"snapshot {number}")
            now = victim.check(f"snapshot {number}")
        expect("signals", sent, now["signals"])
        return f"{rounds} snapshots, {now['children']} children, {now['gcs']} collections"


def bytes_at(core, addr, size):
    with open(core, "rb") as file:
        header = file.read(64)
        count = struct.unpack_from("<H", header, 56)[0]
        for _ in range(count):
            kind, _, offset, start, _, in_file, _, _ = struct.unpack("<IIQQQQQQ", file.read(56))
            if kind == 1 and start <= addr and addr + size <= start + in_file:
                file.seek(offset + addr - start)
                return file.read(size)
    raise Failed(f"{core} has nothing at {addr:#x}")


def torn(core, victim):
    """One writer goes through two arrays, slot by slot: at any instant at most one slot differs."""
    left, right = (bytes_at(core, victim.places[side], SLOTS * 4096) for side in ("left", "right"))
    return sum(left[i * 4096:i * 4096 + 8] != right[i * 4096:i * 4096 + 8] for i in range(SLOTS))


def one_instant(mode, rounds):
    with Victim(32, "meter") as victim, Folder() as folder:
        victim.check()
        for _ in range(rounds):
            done, core = snapshot(victim, folder, f"--mode={mode}")
            fine(done)
            found = torn(core, victim)
            if found > 1:
                raise Failed(f"{mode}: {found} of {SLOTS} slots are torn")
        done, core = snapshot(victim, folder, "--no-stop")
        fine(done)
        if not re.search("no instant", done.stdout):
            raise Failed(f"--no-stop does not say what it is: {done.stdout}")
        return f"{torn(core, victim)} of {SLOTS} torn without a stop"


def tests():
    yield "C", lambda: in_c(6, "full")
    yield "Go", lambda: in_go(4)
    for mode in ("fork", "stop"):
        yield f"one instant, {mode}", lambda m=mode: one_instant(m, 3)


def long_tests():
    for mode in ("full", "registers", "vectors", "sleepy"):
        yield f"C, 50 times, {mode}", lambda m=mode: in_c(50, m)
    yield "Go, 50 times", lambda: in_go(50)
