"""Go and C in one graph: the C global that holds what Go's profile does not show, and C blocks that Go values own."""
import json

from harness import Core, Failed, Target, ask, build, expect, expect_near, good, rows_by, versions

WITHIN = 4096
PEERS = 500
THREAD_BLOCK = 300000
LOST = 40
INNER = 20
CACHED = 200000
LOAN = 7000


def check_cache(target, roots):
    """The cache is one C global, to the byte: 200,000 entries with their data, and the table."""
    row = roots.get("g_cache")
    if not row:
        raise Failed(f"no root g_cache, the largest are {list(roots)[:3]}")
    expect("g_cache retains", target.truths["c_cache_bytes"], row["retained"])
    expect("g_cache blocks", 2 * CACHED + 1, row["count"])
    if row["retained"] < 200_000_000:
        raise Failed(f"g_cache retains {row['retained']:,}, which is no 200 MB")
    if target.truths["go_sys"] > row["retained"] // 4:
        raise Failed(f"Go has {target.truths['go_sys']:,} bytes from the system, which may hold the cache")
    expect("g_cache comes first", "g_cache", next(iter(roots)))


def check_go(target, report):
    """Go's own bytes are what Go says, with or without C beside them."""
    totals, heap = report["totals"], target.truths["heap_alloc"]
    expect_near("live and garbage bytes of Go", heap, totals["live_bytes"] + totals["garbage_bytes"], max(8192, heap // 2000))
    types = rows_by(report, "type")
    for name, count in target.counts.items():
        expect(name, count, types.get(name, {"count": 0})["count"])
    expect("peers of C", PEERS, types.get("main._Ctype_struct_peer", {"count": 0})["count"])
    least = target.truths["c_cache_bytes"] + target.truths["c_owned_bytes"] + THREAD_BLOCK
    if totals["malloc_live_bytes"] < least:
        raise Failed(f"live bytes of malloc: expected {least:,} and a little, got {totals['malloc_live_bytes']:,}")


def check_owner(core):
    """A C block hangs on the Go value that owns it."""
    rows = json.loads(good("why", core, "main._Ctype_struct_peer", "--format=json"))["rows"]
    if not any("main.sessions" in row["label"] for row in rows):
        raise Failed(f"why main._Ctype_struct_peer does not name main.sessions: {[row['label'] for row in rows][:6]}")


def check_leaks(core):
    """C blocks are lost where neither C nor Go holds them; what Go holds is not. One of the lost may still be in a register."""
    found = {(row["class"], row["size"]): row for row in ask("leaks", core, "-n", "1000000")["rows"]}
    for key in (("definite", 3000), ("indirect", 3112)):
        row = found.get(key, {"count": 0})
        if not LOST - 1 <= row["count"] <= LOST:
            raise Failed(f"blocks of {key}: expected {LOST} lost or one less, got {row['count']}")
    expect("a definite leak retains what is lost with it", found["definite", 3000]["retained"],
           found["definite", 3000]["count"] * 3000 + found["indirect", 3112]["count"] * 3112)  # either may be the one in a register
    expect("blocks that Go leads into the middle of", INNER, found.get(("possible", 5000), {"count": 0})["count"])
    held = [row for (kind, size), row in found.items() if kind in ("definite", "indirect") and size not in (3000, 3112) and size > 1000]
    expect("other large blocks that are lost", [], held)


def check_unseen(roots):
    """C blocks that Go's collector does not see: behind pointers to incomplete types, and in numbers."""
    for name, count, least in (("main.wrappers", 40, 20 * 2 * 3000), ("main.numbers", 30, 30 * 4000)):
        row = roots.get(name, {"retained": 0, "count": 0})
        if row["retained"] < least or row["count"] < count:
            raise Failed(f"{name} retains {row['retained']:,} bytes of {row['count']} objects, not its {least:,} of C")
    expect("main.numbers holds by words that may not be pointers", True, roots["main.numbers"]["conservative"] >= 30 * 4000)
    expect("main.wrappers, conservative", True, roots["main.wrappers"]["conservative"] < 20 * 3000 + 8192)


def check_pinned(target, roots):
    """What C holds of Go is alive by its pin, and not by C: the pinner keeps it."""
    if not target.truths["loans"]:
        return  # before Go 1.21
    if roots["main.pinner"]["retained"] < LOAN:
        raise Failed(f"main.pinner does not keep what it pins: {roots['main.pinner']}")
    expect("what C was lent is not C's", 1, roots["g_lent"]["count"])


def check_threads(core):
    rows = ask("top", core, "--by=thread", "-n", "1000")["rows"]
    served = [row for row in rows if row.get("start") == "serve"]
    if len(served) != 1 or served[0]["retained"] < THREAD_BLOCK or served[0]["state"] != "pause":
        raise Failed(f"the thread of C: {served}")


def one(version):
    with Target(build(version, "cgo", "cgo")) as target, Core(target) as core:
        roots = rows_by(ask("top", core, "--by=root", "-n", "1000000"), "root")
        check_cache(target, roots)
        check_go(target, ask("top", core, "--by=type", "-n", "1000000"))
        check_owner(core)
        check_leaks(core)
        check_unseen(roots)
        check_pinned(target, roots)
        check_threads(core)
        predicted = roots["main.sessions"]["retained"] - target.truths["c_owned_bytes"]
        expect_near("Go's part of main.sessions", target.drop("main.sessions"), predicted, WITHIN)
        if not any(row["kind"] == "stack" and row["root"].endswith("serve.buffer") and row["retained"] >= THREAD_BLOCK for row in roots.values()):
            raise Failed(f"no variable of a thread of C retains its {THREAD_BLOCK:,} bytes")
        first = good("analyze", core)
        if "g_cache" not in first.splitlines()[0]:
            raise Failed(f"analyze does not begin with g_cache: {first.splitlines()[0]}")


def tests():
    for version in versions():
        yield version, lambda v=version: one(v)
