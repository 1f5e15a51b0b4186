"""What untyped pointers of C lead to: told by code and contents, marked as a guess, and never against what is declared."""
import native
from harness import Core, Failed, Target, ask, rows_by

COUNT = 200
WANTED = {  # type -> how many, declared to be one or guessed
    "customer": COUNT + 1,
    "invoice": COUNT,
    "hidden": COUNT,
    "entry": 2 * COUNT,
    "outer and inner": 1,
    "open": 1,
    "old_open": 1,
    "last": COUNT,
    "older": COUNT,
    "slot[]": 0,
}
BUILDS = [("gcc", "-O0"), ("gcc", "-O2"), ("clang", "-O0"), ("clang", "-O2"), ("gcc", "-O2 -gdwarf-4")]


def one(compiler, flags):
    path = native.build("c/untyped", compiler, flags.split(), variant=flags.replace(" ", ""))
    with Target(path) as target, Core(target) as core:
        report = ask("top", core, "--by=type", "-n", "1000", runtime="glibc")
    rows, problems = rows_by(report, "type"), []
    for name, count in WANTED.items():
        got = sum(rows[row]["count"] for row in (name, name + "?") if row in rows)
        if got != count:
            problems.append(f"{name}: {count}, got {got}")
    for name in ("hidden", "customer?"):
        if (name in rows) == (name == "hidden"):
            problems.append(f"{name}: only {'guesses' if name == 'hidden' else 'declared ones'}")
    if problems:
        raise Failed("; ".join(problems) + "; there are " + ", ".join(f"{row['count']} {name}" for name, row in rows.items()))
    live, coverage = report["totals"]["live_bytes"], report["coverage"]
    if not 0 < coverage["guessed_bytes"] <= coverage["typed_bytes"] <= live:
        raise Failed(f"{coverage['guessed_bytes']:,} bytes guessed of {coverage['typed_bytes']:,} typed of {live:,}")
    return f"{coverage['guessed_bytes']:,} bytes of {live:,} on weak evidence"


def tests():
    for compiler, flags in BUILDS:
        yield f"{compiler} {flags}", lambda b=(compiler, flags): one(*b)
