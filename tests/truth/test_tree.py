"""The dominator tree adds up: each step is what it is itself and what hangs below it, and all of them are the live heap."""
from harness import Core, Failed, Target, ask, build, expect, good, json, newest
import native

ALL = ["-n", "1000000"]


def check_sums(rows, what):
    below = {row["id"]: 0 for row in rows}
    for row in rows:
        if row.get("parent"):
            below[row["parent"]] += row["retained"]
    for row in rows:
        if "self" not in row:
            raise Failed(f"{what}: something is left out: {row['label']}")
        if row["retained"] != row["self"] + below[row["id"]]:
            raise Failed(f"{what}: {row['path']} retains {row['retained']:,}, but is {row['self']:,} and has {below[row['id']]:,} below")
    return sum(row["retained"] for row in rows if not row.get("parent"))


def check_types(rows, types, what):
    """What the steps of a type retain, without those below another step of it, is what dropping all its objects would free, as
    far as each alone holds it."""
    parents = {row["id"]: row.get("parent") for row in rows}
    type_of = {row["id"]: row["type"] for row in rows if not row.get("kind")}
    sums = {}
    for row in rows:
        above = parents[row["id"]]
        while above and type_of.get(above) != row["type"]:
            above = parents[above]
        if not above and not row.get("kind"):
            sums[row["type"]] = sums.get(row["type"], 0) + row["retained"]
    names = {row["type"] for row in types}
    std = any(name.startswith("std::") for name in names)
    for row in types:
        # The buffer of a channel, and the nodes and arrays of a C++ container are rows of types, but in the tree a part of what they
        # belong to.
        if row["type"].replace("[]", "chan ", 1) in names or (std and (row["type"].startswith("std::") or row["type"].endswith("[]"))):
            continue
        if row["count"] and sums.get(row["type"]) != row["retained"]:
            raise Failed(f"{what}: {row['type']} retains {row['retained']:,}, its steps {sums.get(row['type'])}")


def whole(core, runtime):
    tree = ask("tree", core, *ALL, runtime=runtime)
    live = tree["totals"]["live_bytes"]
    if runtime.startswith("go"):
        live += tree["totals"].get("malloc_live_bytes", 0)
    expect("all steps", live, check_sums(tree["rows"], "whole heap"))
    check_types(tree["rows"], ask("top", core, "--by=type", *ALL, runtime=runtime)["rows"], "whole heap")
    return tree


def of_go(fixture):
    with Target(build(newest(), "default", fixture)) as target, Core(target) as core:
        tree = whole(core, "go1.")
        # What a variable retains is the tree below it; what a type retains too, wherever its objects are.
        roots = {row["label"]: row for row in tree["rows"] if row.get("kind") == "global" and not row.get("parent")}
        name, root = max(roots.items(), key=lambda item: item[1]["retained"])
        part = ask("tree", core, name, *ALL)
        expect(name, root["retained"], check_sums(part["rows"], name))
        types = ask("top", core, "--by=type", *ALL, "--exact")["rows"]
        for row in types[:20]:
            if row["type"].startswith("unknown"):
                continue
            part = ask("tree", core, row["type"], *ALL)
            expect("tree of one type begins with it", {row["type"]}, {r["type"] for r in part["rows"] if not r.get("parent")})
            got = check_sums(part["rows"], row["type"])
            if got > row["retained"]:
                raise Failed(f"{row['type']}: the tree has {got:,} bytes, dropping all frees {row['retained']:,}")
        depth = json.loads(good("tree", core, "--depth=1", "--format=json"))["rows"]
        expect("parents at depth 1", [], [row["parent"] for row in depth if row.get("parent")])


def of_native(fixture):
    with Target(native.build(fixture), env={"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}) as target, Core(target) as core:
        whole(core, "glibc")


def tests():
    for fixture in ("shapes", "leakserver", "maps"):
        yield f"go {fixture}", lambda f=fixture: of_go(f)
    for fixture in ("c/shapes", "cxx/shapes"):
        yield fixture, lambda f=fixture: of_native(f)
