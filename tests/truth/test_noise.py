"""Damaged memory: pages that are zero or noise, flipped bits, nasty words, pointers that lead elsewhere. A report or one line
of error must come, in time, and its sums must be possible. NOISE=N runs N seeds of every release, NOISE_FROM=S from seed S on."""
import os
import random
import struct
import subprocess

from harness import BUILD, LIMIT, TOOL, Core, Failed, Target, build, json, newest, toolchains

SEEDS = int(os.environ.get("NOISE", "0"))
FROM = int(os.environ.get("NOISE_FROM", "1"))
CHECKED = BUILD / "test/heapgraph"  # with sanitizers
PAGE = 4096
WORDS = [0, 1, 2**64 - 1, 2**63, 2**63 - 1, 2**32, 2**31 - 1, 2**47, 0xc000000000, 8, 4095]
ASKED = [["analyze"], ["analyze", "--verify"], ["top", "--by=type", "--exact"], ["top", "--by=root"], ["top", "--by=goroutine"],
         ["top", "--by=object"], ["top", "--by=package", "--exact"], ["why", "main.SliceElem"], ["why", "goroutine 1"],
         ["why", "main.channel"], ["why", "0xc000010000"]]


class Damaged:
    """A core with damage in it, for as long as the guard lives: written in place, and put back."""

    def __init__(self, core, pages, rng):
        self.core, self.undo = core, []
        self.pages, self.rng = pages, rng

    def __enter__(self):
        self.file = open(self.core, "r+b", buffering=0)
        self.way = self.rng.choice([self.zero, self.noise, self.flip, self.nasty, self.elsewhere, self.shuffle])
        for _ in range(self.rng.choice([1, 1, 3, 20, 200])):
            at = self.rng.choice(self.rng.choice(self.pages))
            before = os.pread(self.file.fileno(), PAGE, at)
            page = bytearray(before)
            self.way(page)
            self.undo.append((at, before))
            os.pwrite(self.file.fileno(), page, at)
        return self.way.__name__

    def __exit__(self, *_):
        for at, before in reversed(self.undo):
            os.pwrite(self.file.fileno(), before, at)
        self.file.close()

    def zero(self, page):
        page[:] = bytes(PAGE)

    def noise(self, page):
        page[:] = self.rng.randbytes(PAGE)

    def flip(self, page):
        for _ in range(8):
            page[self.rng.randrange(PAGE)] ^= 1 << self.rng.randrange(8)

    def nasty(self, page):
        for _ in range(self.rng.choice([1, 8, 64])):
            struct.pack_into("<Q", page, 8 * self.rng.randrange(PAGE // 8), self.rng.choice(WORDS))

    def elsewhere(self, page):
        """Pointers to other places, their own list among them."""
        used = [i for i in range(PAGE // 8) if any(page[8 * i:8 * i + 8])]
        for _ in range(min(len(used), 16)):
            there, here = self.rng.choice(used), self.rng.choice(used)
            value = struct.unpack_from("<Q", page, 8 * there)[0] + self.rng.choice([0, 0, 8, 64])
            struct.pack_into("<Q", page, 8 * here, value % 2**64)

    def shuffle(self, page):
        """Another page of the dump in its place."""
        page[:] = os.pread(self.file.fileno(), PAGE, self.rng.choice(self.rng.choice(self.pages)))


def pages_of(core):
    """Offsets of the pages that hold anything, a list for each segment: small segments are the runtime's own. Pages that say of
    which build a file is are left alone: that answer would always be the same."""
    with open(core, "rb") as file:
        head = file.read(64)
        at, count = struct.unpack_from("<Q", head, 32)[0], struct.unpack_from("<H", head, 56)[0]
        file.seek(at)
        table = file.read(56 * count)
        found = []
        for i in range(count):
            kind, _, offset, _, _, size = struct.unpack_from("<IIQQQQ", table, 56 * i)
            pages = []
            for place in range(offset, offset + size - PAGE + 1, PAGE) if kind == 1 else ():
                file.seek(place)
                page = file.read(PAGE)
                if any(page) and page[:4] != b"\x7fELF":
                    pages.append(place)
            if pages:
                found.append(pages)
    return found


def judge(words, done):
    """Says what is wrong with an answer, or nothing."""
    said = done.stderr.decode(errors="replace")
    if done.returncode not in (0, 1) or "Sanitizer" in said or "runtime error" in said or "internal error" in said:
        return f"ends with {done.returncode}: {said[-1500:]}"
    if done.returncode:
        return None if len(said.strip().splitlines()) == 1 and not done.stdout else f"wants one line of error, got {said[:300]!r}"
    totals = json.loads(done.stdout)["totals"]
    if totals["live_bytes"] > totals["heap_inuse_bytes"]:
        return f"{totals['live_bytes']:,} bytes live of {totals['heap_inuse_bytes']:,} in use"
    return None


def damaged(version, seeds):
    answered = refused = 0
    tool = CHECKED if CHECKED.exists() and "HEAPGRAPH" not in os.environ else TOOL
    with Target(build(version, "default", "probes")) as target, Core(target) as core:
        pages = pages_of(core)
        for seed in seeds:
            rng = random.Random(seed)
            with Damaged(core, pages, rng) as way:
                words = rng.choice(ASKED)
                words = [words[0], core, *words[1:], "--format=json"]
                try:
                    done = subprocess.run([tool, *words], capture_output=True, timeout=LIMIT, check=False)
                    wrong = judge(words, done)
                except subprocess.TimeoutExpired:
                    wrong = f"no end after {LIMIT} s"
                if wrong:
                    if os.environ.get("NOISE_KEEP"):
                        subprocess.run(["cp", core, f"{os.environ['NOISE_KEEP']}/{version}.{seed}.core"], check=False)
                    raise Failed(f"seed {seed} ({way}) '{' '.join(map(str, words))}': {wrong}")
                answered += not done.returncode
                refused += done.returncode
    return f"{answered} answered, {refused} refused"


def tests():
    if SEEDS:
        for version, (_, go, _) in toolchains().items():
            if go:
                yield f"{version}", lambda v=version: damaged(v, range(FROM, FROM + SEEDS))
        return
    for version in ("1.18", "1.22", newest()):
        yield f"{version}", lambda v=version: damaged(v, range(1, 41))
