"""What is freed without a field's references, or a type's: as the program made it, and as `top --exact` says."""
from harness import Core, Target, ask, build, expect, newest

ALL = ["-n", "1000000"]


def freed(core, what):
    return {row["type"]: (row["count"], row["bytes"]) for row in ask("what-if", core, f"--cut={what}", *ALL)["rows"]}


def field():
    with Target(build(newest(), "default", "growing")) as target:
        target.drop("sessions")
        with Core(target) as core:
            expect("buffers", {"[]uint8": (1000, 1000 * 4096)}, freed(core, "main.server.sessions[...].buf"))
            expect("the map", ask("why", core, "main.server", *ALL)["rows"][0]["retained"],
                   sum(size for _, size in freed(core, "main.server.sessions").values()))


def types():
    with Target(build(newest(), "default", "shapes")) as target, Core(target) as core:
        rows = ask("top", core, "--by=type", "--exact", *ALL)["rows"]
        for row in rows[:30]:
            if row["type"].startswith("main.") or row["type"].startswith("[]main."):
                expect(row["type"], row["retained"], sum(size for _, size in freed(core, row["type"]).values()))


def tests():
    yield "field", field
    yield "types", types
