"""What a name is said to retain is what the heap falls by when the program lets go of it."""
from harness import Core, Failed, Target, ask, build, rows_by, versions

WITHIN = 4096
ALONE = """mapOfPointers sliceOfSlices linkedList cyclicRing closureCaptures bufferedChannel syncMap interfaceTree manyStrings
bigArray pointerArray genericSet mapOfStrings mapOfMaps embedded sliceOfStructs anything""".split()
GOROUTINE = "goroutine main.main"


def compare(problems, name, predicted, fell):
    if abs(predicted - fell) > WITHIN:
        problems.append(f"{name}: predicted {predicted:,}, fell by {fell:,}")


def check_goroutine(problems, target, core):
    rows = [row for row in ask("top", core, "--by=goroutine", "-n", "1000")["rows"] if "main.main" in row["created_by"]]
    if len(rows) != 1 or rows[0]["goroutines"] != 1:
        problems.append(f"goroutine: expected one created by main.main, got {rows}")
        return
    compare(problems, "goroutine", rows[0]["retained"], target.drop(GOROUTINE))


def one(version, mode):
    with Target(build(version, mode, "shapes")) as target, Core(target) as core:
        roots = rows_by(ask("top", core, "--by=root", "-n", "1000000"), "root")
        problems = []
        missing = [name for name in ALONE + ["ownerA", "ownerB"] if "main." + name not in roots]
        if missing:
            raise Failed(f"roots without a row: {' '.join(missing)}; there are {len(roots)}")
        for name in ALONE:
            compare(problems, name, roots["main." + name]["retained"], target.drop("main." + name))
            cut = ask("what-if", core, "--cut=main." + name, "-n", "1000000")["rows"]
            if sum(row["bytes"] for row in cut) != roots["main." + name]["retained"]:
                problems.append(f"{name}: cut frees {sum(row['bytes'] for row in cut):,}, retains {roots['main.' + name]['retained']:,}")
        a, b = (roots["main.owner" + x]["retained"] for x in "AB")
        compare(problems, "ownerA alone", a, target.drop("main.ownerA"))
        fell = target.drop("main.ownerB")
        if fell < 300000 or a > WITHIN or b > WITHIN:
            problems.append(f"shared graph: fell by {fell:,} with its last owner; of that predicted A {a:,}, B {b:,}")
        with Core(target) as after:
            if "main.ownerA" in (late := rows_by(ask("top", after, "--by=root", "-n", "1000000"), "root")):
                problems.append(f"main.ownerA is nil and has a row: {late['main.ownerA']}")
        check_goroutine(problems, target, core)
        if problems:
            raise Failed("; ".join(problems))


def last_owner(version):
    """Once one owner let go, the other is said to hold the shared graph."""
    with Target(build(version, "default", "shapes")) as target:
        target.drop("main.ownerA")
        with Core(target) as core:
            predicted = rows_by(ask("top", core, "--by=root", "-n", "1000000"), "root")["main.ownerB"]["retained"]
        problems = []
        compare(problems, "ownerB", predicted, target.drop("main.ownerB"))
        if problems:
            raise Failed("; ".join(problems))


def tests():
    for version in versions():
        yield f"{version} default", lambda v=version: one(v, "default")
        yield f"{version} last owner", lambda v=version: last_owner(v)
    for mode in ("pie", "cgo"):
        yield f"{versions()[-2]} {mode}", lambda m=mode: one(versions()[-2], m)
