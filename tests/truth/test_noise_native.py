"""Damaged heaps of malloc: bytes of chunk headers flipped, pages of noise, cut cores. `leaks` answers or refuses in one line, in time; its
sums are possible; and where it lists less than the whole core, it counts what it skipped. NOISE=N runs N seeds of each."""
import os
import random
import struct
import subprocess

import native
import test_malloc
from harness import LIMIT, TOOL, Core, Failed, Target, json
from test_noise import CHECKED, Damaged, judge, pages_of

SEEDS = int(os.environ.get("NOISE", "0")) or 100
FROM = int(os.environ.get("NOISE_FROM", "1"))
CUTS = 60
HEADER = 8  # the size of a chunk, in front of the block


def asked(core):
    tool = CHECKED if CHECKED.exists() and "HEAPGRAPH" not in os.environ else TOOL
    try:
        return subprocess.run([tool, "leaks", core, "-n", "1000000", "--format=json"], capture_output=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise Failed(f"no end after {LIMIT} s") from None


def segments(core):
    """(address, offset, bytes) of each."""
    with open(core, "rb") as file:
        head = file.read(64)
        at, count = struct.unpack_from("<Q", head, 32)[0], struct.unpack_from("<H", head, 56)[0]
        file.seek(at)
        table = file.read(56 * count)
    for i in range(count):
        kind, _, offset, addr, _, size = struct.unpack_from("<IIQQQQ", table, 56 * i)
        if kind == 1:
            yield addr, offset, size


def headers_of(core):
    """Where in the file the chunk headers of all blocks are."""
    parts, blocks = list(segments(core)), [int(addr, 16) for addr in test_malloc.read_found(core)[0]]
    return [offset + block - HEADER - addr for block in blocks for addr, offset, size in parts if addr < block < addr + size]


def listed(report):
    return report["totals"]["live_bytes"] + report["totals"]["garbage_bytes"]


def check(what, whole, done):
    """Returns whether there was an answer."""
    wrong = judge(["leaks"], done)
    if wrong:
        raise Failed(f"{what}: {wrong}")
    if done.returncode:
        return False
    report = json.loads(done.stdout)
    if sum(row["bytes"] for row in report["rows"]) > listed(report):
        raise Failed(f"{what}: more bytes in rows than there are: {report['totals']}")
    counted = report["coverage"]["missing_bytes"] > 0 or any("malloc" in note for note in report["coverage"]["notes"])
    if listed(report) < whole and not counted:
        raise Failed(f"{what}: {listed(report):,} bytes where there were {whole:,}, and not a word about it")
    if report["coverage"]["missing_bytes"] and "unknown because" not in report["trust"]:
        raise Failed(f"{what}: the trust line does not say what is missing: {report['trust']}")
    return True


def whole_of(core):
    done = asked(core)
    if done.returncode:
        raise Failed(f"the whole core: {done.stderr!r}")
    return listed(json.loads(done.stdout))


def flipped(fixture):
    """Random bits of chunk headers, from one to a hundred of them."""
    answered = 0
    with Target(native.build(fixture)) as target, Core(target) as core:
        whole, headers = whole_of(core), headers_of(core)
        for seed in range(FROM, FROM + SEEDS):
            rng = random.Random(seed)
            with open(core, "r+b", buffering=0) as file:
                places = {rng.choice(headers) + rng.randrange(8) for _ in range(rng.choice([1, 1, 4, 20, 100]))}
                undo = {at: os.pread(file.fileno(), 1, at) for at in places}
                for at, before in undo.items():
                    os.pwrite(file.fileno(), bytes([before[0] ^ 1 << rng.randrange(8)]), at)
                answered += check(f"seed {seed}, {len(places)} flips", whole, asked(core))
                for at, before in undo.items():
                    os.pwrite(file.fileno(), before, at)
    return f"{answered} of {SEEDS} answered"


def noise(fixture):
    answered = 0
    with Target(native.build(fixture)) as target, Core(target) as core:
        pages = pages_of(core)
        for seed in range(FROM, FROM + SEEDS // 2):
            with Damaged(core, pages, random.Random(seed)) as way:
                done = asked(core)
            wrong = judge(["leaks"], done)
            if wrong:
                raise Failed(f"seed {seed} ({way}): {wrong}")
            answered += not done.returncode
    return f"{answered} of {SEEDS // 2} answered"


def cut(fixture):
    """Most places are near the end: where the C library lies behind the cut, there is no heap to be found."""
    answered = 0
    with Target(native.build(fixture)) as target, Core(target) as core:
        whole, size, rng = whole_of(core), core.stat().st_size, random.Random(1)
        for place in sorted((int(size * (1 - rng.random() ** 8)) for _ in range(CUTS)), reverse=True):
            os.truncate(core, place)
            answered += check(f"cut at {place} of {size}", whole, asked(core))
    return f"{answered} of {CUTS} answered"


def tests():
    for fixture in ("c/leaks", "cxx/leaks"):
        for test in (flipped, noise, cut):
            yield f"{fixture} {test.__name__}", lambda t=test, f=fixture: t(f)
