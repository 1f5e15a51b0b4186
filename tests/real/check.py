"""Loads real programs with data, and compares what heapgraph says of them with what a person and the program itself say."""
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "truth"))
from harness import BUILD, Core, Failed, Skipped, Target, ask, expect_near, good, rows_by  # noqa: E402

REAL = BUILD / "real"
HEADER = 8  # of a chunk, which malloc counts and heapgraph does not
ENV = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}  # what a tcache holds malloc counts as in use
KEYS = 100000
SHARED = 10500  # objects that redis keeps for numbers and answers, about


class Redis:
    """A redis-server on a port of its own, and one connection to it."""

    def __init__(self, path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen([path, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
                                        stdout=subprocess.DEVNULL, cwd=REAL)
        self.pid = self.process.pid
        for _ in range(100):
            try:
                self.socket = socket.create_connection(("127.0.0.1", self.port))
                break
            except OSError:
                time.sleep(0.1)
        else:
            raise Failed("redis-server does not answer")
        self.answers = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def read(self):
        line = self.answers.readline()
        if line[:1] == b"-" or not line:
            raise Failed(f"redis-server says {line}")
        if line[:1] == b"$":
            return self.answers.read(int(line[1:]) + 2)[:-2]
        return line

    def ask(self, *commands):
        self.socket.sendall(b"".join(b"*%d\r\n" % len(words) + b"".join(
            b"$%d\r\n%s\r\n" % (len(str(word)), str(word).encode()) for word in words) for words in commands))
        return [self.read() for _ in commands]

    def load(self, commands):
        batch = []
        for command in commands:
            batch.append(command)
            if len(batch) == 500:
                self.ask(*batch)
                batch = []
        if batch:
            self.ask(*batch)


def fill(redis):
    redis.load(("SET", f"session:{i}", "x" * (100 + i % 400)) for i in range(KEYS))
    redis.load(["HSET", f"user:{i}"] + [word for k in range(12) for word in (f"field{k}", "v" * 80)] for i in range(KEYS // 20))
    redis.load(("RPUSH", "queue", f"job-{i}-" + "p" * 60) for i in range(KEYS // 4))
    redis.load(("ZADD", "ranking", i * 1.5, f"player:{i}") for i in range(KEYS // 4))
    redis.load(("SADD", "seen", f"member:{i}") for i in range(KEYS // 4))
    redis.load(("XADD", "events", "*", "kind", "login", "user", f"u{i}") for i in range(KEYS // 8))


def check_answer(core, pattern, share=90):
    """The first sentence names what it should; so many bytes are typed; the rest is with named roots."""
    report = ask("analyze", core, runtime="glibc")
    sentence = good("analyze", core).splitlines()[0]
    if not re.search(pattern, sentence):
        raise Failed(f"expected '{pattern}' in: {sentence}")
    named = share_named(core)
    if named < share:
        raise Failed(f"{named:.1f} % of the live bytes typed or owned by a named root")
    live, coverage = report["totals"]["live_bytes"], report["coverage"]
    typed, guessed = (100 * coverage[key] / live for key in ("typed_bytes", "guessed_bytes"))
    return report, f"{named:.1f} % owned by named roots, {typed:.1f} % typed ({guessed:.1f} % on weak evidence): {sentence}"


def share_named(core):
    report = ask("top", core, "--by=root", "-n", "100000", runtime="glibc")
    named = sum(row["retained"] for row in report["rows"] if row["kind"] in ("global", "static", "tls", "local", "thread")
                or row["kind"] == "shared" and "(shared by" in row["root"])
    return 100 * named / report["totals"]["live_bytes"]


def all_bytes(report):
    """Of chunks, as malloc counts them."""
    totals = report["totals"]
    return (totals["live_bytes"] + totals["garbage_bytes"] +
            HEADER * (totals["live_objects"] + totals["garbage_objects"]))


def redis():
    with Redis(needed("redis-server")) as server:
        fill(server)
        used = int(re.search(rb"used_memory:(\d+)", server.ask(("INFO", "memory"))[0])[1])
        with Core(server) as core:
            report, said = check_answer(core, r"^server\b.*\.db\[.*dictEntry")
            types = rows_by(ask("top", core, "--by=type", "-n", "1000", runtime="glibc"), "type")
    objects = sum(types[name]["count"] for name in ("robj", "robj?") if name in types)
    keys = KEYS + KEYS // 20 + 4
    if not keys <= objects <= keys + SHARED:
        raise Failed(f"{objects:,} robj for {keys:,} keys")
    # It counts malloc_usable_size() and a word for each of its own blocks, and does not count those of libc itself.
    live = report["totals"]["live_bytes"]
    expect_near("used_memory", used, live, used // 20)
    return said + f" (used_memory {used:,}, live {live:,})"


def store(name, pattern):
    with Target(needed(name), env=ENV, wait=False) as target:
        said = dict(word.split("=") for word in target.line().split())
        target.line()
        with Core(target) as core:
            report, words = check_answer(core, pattern)
    # The arena of another thread lies in its own memory, and counts there as in use: some 2,300 bytes.
    expect_near("bytes that malloc says are in use", int(said["uordblks"]) + int(said["hblkhd"]), all_bytes(report), 4096)
    return words


def stripped():
    """Without debug info: names are those of symbols, words are conservative, and a note says of what module."""
    bare = REAL / "sqlite_store.bare"
    subprocess.run(["strip", "--strip-debug", "-o", bare, needed("sqlite_store")], check=True)
    with Target(bare, wait=False) as target:
        target.line()
        target.line()
        with Core(target) as core:
            report, words = check_answer(core, ".")
            roots = rows_by(ask("top", core, "--by=root", "-n", "1000", runtime="glibc"), "root")
    if "g_database" not in roots:
        raise Failed(f"no root is called g_database: {', '.join(roots)}")
    if not any("sqlite_store.bare" in note for note in report["coverage"]["notes"]):
        raise Failed(f"no note names the program: {report['coverage']['notes']}")
    return words


def needed(name):
    path = REAL / name
    if not os.access(path, os.X_OK):
        raise Skipped(f"{name} was not built")
    return path


CHECKS = {
    "redis": redis,
    "sqlite": lambda: store("sqlite_store", r"^g_database \(sqlite_store.c:\d+\).*\.pCache\.apHash"),
    "leveldb": lambda: store("leveldb_store", r"^g_store \(leveldb_store.cc:\d+\)"),
    "sqlite without debug info": stripped,
}


def main():
    failed = False
    for name, check in CHECKS.items():
        try:
            print(f"ok real {name}: {check()}", flush=True)
        except Skipped as reason:
            print(f"skip real {name}: {reason}", flush=True)
        except Exception as why:  # a check that breaks has not passed
            failed = True
            print(f"FAIL real {name}: {type(why).__name__}: {why}", flush=True)
    sys.exit(1 if failed else 0)


main()
