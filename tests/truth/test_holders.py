"""What holds a list of C is named: globals, function statics, thread-local variables, locals, registers over a call."""
import native
from harness import Core, Failed, Target, ask, expect

# how many nodes are below which steps; main is the process's own thread
WANTED = {
    ("in_global",): 100,
    ("in_member",): 200,
    ("in_function()::in_static",): 300,
    ("thread", "in_tls"): (400, 800),
    ("thread", "with_local", "in_local"): 500,
    ("thread", "with_register", "in_register"): 600,
    ("thread", "work", "in_thread"): 700,
}
VARIANTS = {"O0": ("-O0",), "O2": ("-O2",), "O2-omit": ("-O2", "-fomit-frame-pointer"), "O2-dwarf4": ("-O2", "-gdwarf-4"),
            "O2-pie-off": ("-O2", "-no-pie"), "static": ("-O0", "-static")}


def label(row):
    return "thread" if row["label"].startswith("thread ") else row["label"]


def check(source):
    report = ask("why", source, "node", "-n", "10000", runtime="glibc")
    rows = {row["id"]: row for row in report["rows"]}
    found = {}
    for row in rows.values():
        steps, at = [label(row)], row
        while "parent" in at:
            at = rows[at["parent"]]
            steps.insert(0, label(at))
        found.setdefault(tuple(steps), []).append(row["count"])
    for steps, count in WANTED.items():
        wanted = sorted(count) if isinstance(count, tuple) else [count]
        got = sorted(found.get(steps, []))
        if got != wanted:
            raise Failed(f"{' > '.join(steps)}: {wanted} nodes, got {got}")
    expect("bytes of blocks that nothing holds", 0, report["totals"]["garbage_bytes"])
    return f"{report['coverage']['conservative_edges']} conservative edges"


def one(variant, suite=None, by_core=False):
    before, after = native.link_with(suite) if suite else ((), ("-pthread",))
    path = native.build("c/holders", "gcc", VARIANTS[variant], before, after, f"{variant}.{suite}")
    with Target(path) as target:
        if not by_core:
            return check(target.pid)
        with Core(target) as core:
            return check(core)


def tests():
    for variant in VARIANTS:
        yield variant, lambda v=variant: one(v)
    yield "O2, of a core", lambda: one("O2", by_core=True)
    for suite, (version, _, _) in native.libcs().items():
        yield f"{suite} {version}", lambda s=suite: one("O2", s)
