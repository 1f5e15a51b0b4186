"""A graph file answers as the core does that it was made from, to the byte; holds nothing of its memory; and a damaged one is refused."""
import concurrent.futures
import os
import pathlib
import random
import stat
import subprocess

from harness import Core, Failed, TOOL, Target, build, expect, good, json, newest, run
import native

BY = ["type", "object", "root", "package", "goroutine", "thread", "container"]
MANY = ["-n", "1000000"]
DAMAGES = 1000


def questions(core):
    """All that is asked: reports with few rows and with all, of the things that the first reports name."""
    ask = [["analyze"], ["analyze", *MANY], ["analyze", "--verify"], ["tree"], ["tree", *MANY], ["leaks", *MANY]]
    ask += [["top", f"--by={by}", *more] for by in BY for more in ([], MANY, ["--exact", "-n", "20"])]
    targets = []
    for by, key in (("type", "type"), ("root", "label"), ("object", "address")):
        rows = json.loads(good("top", core, f"--by={by}", "-n", "25", "--format=json"))["rows"]
        targets += [row.get(key) or row.get("label") or "" for row in rows]
    for target in filter(None, map(str, dict.fromkeys(targets))):
        ask += [["why", target], ["tree", target, "--min=1"]]
    return ask + [["why", "0x10"], ["why", "nothing.of.the.name"]]


def answer(words, source):
    done = subprocess.run([TOOL, words[0], source, *words[1:]], capture_output=True, timeout=120)
    if done.returncode not in (0, 1, 2):
        raise Failed(f"{' '.join(words)}: ends with {done.returncode}: {done.stderr[-300:]}")
    return done.returncode, done.stdout, done.stderr


def same_answers(core, files):
    asked = 0
    for words in questions(core):
        for form in ([], ["--format=json"]):
            of_core = answer(words + form, core)
            for file in files:
                of_file = answer(words + form, file)
                if of_core != of_file:
                    lines = zip(b"".join(of_core[1:]).split(b"\n"), b"".join(of_file[1:]).split(b"\n"))
                    first = next((pair for pair in lines if pair[0] != pair[1]), (of_core[:1], of_file[:1]))
                    raise Failed(f"{' '.join(words + form)}: {str(first[0])[:300]} in the core, {str(first[1])[:300]} in {file.name}")
            asked += 1
    return asked


def save(core, name, *more):
    file = core.parent / name
    said = good("analyze", core, "-o", file, *more)
    expect("mode", 0o600, stat.S_IMODE(os.stat(file).st_mode))
    return file, said


def both(target, marker=None):
    with target, Core(target) as core:
        plain, said = save(core, "plain.hg")
        expect("report beside it", good("analyze", core), said)
        packed, _ = save(core, "packed.hg", "--compress")
        if "exists already" not in run("analyze", core, "-o", plain).stderr:
            raise Failed("a file is written over")
        asked = same_answers(core, [plain, packed])
        if marker:
            expect("the marker in the core", True, marker in core.read_bytes())
            expect("the marker in the file", False, marker in plain.read_bytes())
        totals = json.loads(good("analyze", core, "--format=json"))["totals"]
        objects = sum(value for key, value in totals.items() if key.endswith("_objects"))
        size = plain.stat().st_size
        return f"{asked} answers, {size / objects:.1f} bytes an object, packed {packed.stat().st_size / size:.0%}"


def go(fixture, mode="default"):
    return both(Target(build(newest(), mode, fixture)))


def of_native(fixture, *flags):
    return both(Target(native.build(fixture, **({"flags": flags, "variant": "graphfile"} if flags else {}))))


def live():
    with Target(build(newest(), "default", "shapes")) as target:
        folder = Core(target)
        with folder as core:
            file = core.parent / "live.hg"
            said = good("analyze", target.pid, "-o", file)
            expect("the same report", said, good("analyze", file))
            expect("files beside the core", {"core", "live.hg"}, {f.name for f in core.parent.iterdir()})


def damage(data, random_numbers):
    data = bytearray(data)
    if random_numbers.random() < 0.2:
        return bytes(data[:random_numbers.randrange(len(data))])
    at = random_numbers.randrange(len(data))
    data[at] ^= 1 << random_numbers.randrange(8)
    return bytes(data)


def hostile():
    with Target(build(newest(), "default", "shapes")) as target, Core(target) as core:
        plain, said = save(core, "plain.hg")
        packed, _ = save(core, "packed.hg", "--compress")
        whole = {file: file.read_bytes() for file in (plain, packed)}
        refused = 0

        def one(number):
            rng = random.Random(number)
            of = plain if number % 2 else packed
            file = core.parent / f"damaged{number}.hg"
            file.write_bytes(damage(whole[of], rng))
            done = run("analyze", file)
            file.unlink()
            if done.returncode == 0:
                expect(f"answer of damage {number}", said, done.stdout)
            else:
                expect(f"lines that refuse damage {number}", 1, done.stderr.count("\n"))
            return done.returncode != 0

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            refused = sum(pool.map(one, range(DAMAGES)))
        return f"{refused} of {DAMAGES} refused"


def tests():
    for fixture in ("shapes", "maps", "realserver", "leakserver"):
        yield f"go {fixture}", lambda f=fixture: go(f)
    yield "cgo", lambda: go("cgo", "cgo")
    yield "c/shapes", lambda: of_native("c/shapes")
    yield "c/leaks", lambda: of_native("c/leaks")
    yield "cxx/shapes", lambda: of_native("cxx/shapes")
    yield "cxx/values", lambda: of_native("cxx/values")
    yield "cxx/containers", lambda: of_native("cxx/containers", "-O1", "-std=gnu++20")
    yield "live", live
    yield "hostile", hostile
