#!/usr/bin/env python3
"""measure.py FILE COMMAND...: runs it, its output into FILE, and prints "CPU-SECONDS s CPU, ELAPSED s, PEAK MiB, ANON MiB of its
own". The last is what it allocates: the highest seen sum of anonymous memory, without pages of mapped files.
measure.py --per N: reads such a line and prints bytes of own memory per object and objects per CPU second."""
import os
import re
import subprocess
import sys
import threading
import time


def own_memory(pid):
    """Anonymous and shared memory of a process now, in bytes; and its peak of all."""
    values = {}
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            key, _, rest = line.partition(":")
            if key in ("RssAnon", "RssShmem", "VmHWM"):
                values[key] = int(rest.split()[0]) * 1024
    return values.get("RssAnon", 0) + values.get("RssShmem", 0), values.get("VmHWM", 0)


def watch(pid, peak, ended):
    while not ended.wait(0.005):
        try:
            own, high = own_memory(pid)
        except (OSError, ValueError):
            return
        peak[0], peak[1] = max(peak[0], own), max(peak[1], high)


def measure(file, command):
    start = time.monotonic()
    with open(file, "wb") as out, open(file + ".err", "wb") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
        peak, ended = [0, 0], threading.Event()
        watcher = threading.Thread(target=watch, args=(process.pid, peak, ended))
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        ended.set()
        watcher.join()
    if status:
        sys.exit(f"{' '.join(command[:2])} ended with {os.waitstatus_to_exitcode(status)}; see {file}.err")
    print(f"{usage.ru_utime + usage.ru_stime:.2f} s CPU, {time.monotonic() - start:.2f} s, "
          f"{peak[1] / 2**20:.0f} MiB peak, {peak[0] / 2**20:.1f} MiB of its own")


def per(count):
    cpu, own = re.match(r"([\d.]+) s CPU, .*?([\d.]+) MiB of its own", sys.stdin.read()).groups()
    print(f"    {float(own) * 2**20 / count:.1f} bytes of its own memory an object, "
          f"{count / float(cpu) / 1e6:.2f} million objects a CPU second")


if sys.argv[1] == "--per":
    per(int(sys.argv[2]))
else:
    measure(sys.argv[1], sys.argv[2:])
