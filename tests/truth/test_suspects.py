"""Suspects: the leak is named with its exact bytes, by a fingerprint that the next run has too; --fail-over ends with 3 unless it is known."""
import subprocess

from harness import Core, Failed, LIMIT, TOOL, Target, ask, build, expect, newest, rows_by


def ends(core, *words):
    return subprocess.run([TOOL, "suspects", core, *map(str, words)], capture_output=True, text=True, timeout=LIMIT).returncode


def one(path, runtime, label, root):
    prints = []
    for _ in range(2):
        with Target(path) as target, Core(target) as core:
            rows = ask("suspects", core, "--min=100K", "-n", "1000000", runtime=runtime)["rows"]
            mine = [row for row in rows if row["label"] == label]
            if len(mine) != 1:
                raise Failed(f"{label} is not among the suspects: {[row['label'] for row in rows]}")
            roots = rows_by(ask("top", core, "--by=root", "-n", "1000000", runtime=runtime), "root")
            if mine[0]["retained"] > roots[root]["retained"]:
                raise Failed(f"{label} retains {mine[0]['retained']:,}, its root {roots[root]['retained']:,}")
            tree = {r["path"]: r["retained"] for r in ask("tree", core, "-n", "1000000", runtime=runtime)["rows"]}
            expect(label, tree[label], mine[0]["retained"])
            prints.append({row["label"]: row["fingerprint"] for row in rows})
            expect("below the limit", 0, ends(core, "--fail-over=1000%"))
            expect("above the limit", 3, ends(core, "--fail-over=1B"))
            known = core.parent / "known"
            known.write_text("# what we know\n\n" + "".join(f"{row['fingerprint']} {row['label']}\n" for row in rows))
            expect("known, from a file", 0, ends(core, "--fail-over=100K", f"--known={known}"))
            words = [f"--known={row['fingerprint']}" for row in rows if row != mine[0]]
            expect("all known but one", 3, ends(core, "--fail-over=100K", *words))
            expect("known, one by one", 0, ends(core, "--fail-over=100K", *words, f"--known={mine[0]['fingerprint']}"))
            bad = core.parent / "bad"
            bad.write_text("not one\n")
            expect("no fingerprints", 1, ends(core, "--fail-over=100K", f"--known={bad}"))
            expect("no amount", 2, ends(core, "--fail-over=much"))
    expect("fingerprint in the next run", prints[0][label], prints[1][label])
    if len(set(prints[0].values())) != len(prints[0]):
        raise Failed(f"two suspects have one fingerprint: {prints[0]}")


def tests():
    yield "go shapes", lambda: one(build(newest(), "default", "shapes"), "go1.", "main.mapOfPointers", "main.mapOfPointers")
