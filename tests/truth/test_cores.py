"""The same stopped program through four writers (us, gdb, the kernel, Go's crash) gives the same totals."""
import pathlib
import shutil
import signal
import subprocess

from harness import Core, Failed, Skipped, Target, ask, build, expect, good, newest, run, work_folder

KEYS = ("live_objects", "live_bytes", "garbage_objects", "garbage_bytes", "heap_inuse_bytes")


def totals(source, *words):
    report = ask("top", source, "--by=type", "-n", "100000", *words)
    return {key: report["totals"][key] for key in KEYS}, report


def expect_own_rows(report, other):
    """The rows of the program's own types are equal; the scheduler's threads may have moved on between the two."""
    own, its = ([row for row in r["rows"] if "main." in row["type"]] for r in (report, other))
    for row, other_row in zip(own, its):
        expect("row", row, other_row)
    expect("rows of the program's own types", len(own), len(its))


def same(what, expected, got):
    for key in KEYS:
        expect(f"{what}: {key}", expected[key], got[key])


def by_gdb(version, mode="default"):
    with Target(build(version, mode, "types")) as target, Core(target) as ours, Core(target, by="gcore") as gdbs:
        mine, report = totals(ours)
        theirs, other = totals(gdbs)
        same("gcore's core against ours", mine, theirs)
        expect_own_rows(report, other)


def core_pattern():
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith("|") or "/" in pattern:
        raise Skipped(f"kernel cores go elsewhere here (core_pattern is '{pattern[:40]}')")
    return pattern


def kernel_core(folder, pid):
    found = [path for path in folder.glob("core*")]
    if len(found) != 1:
        raise Failed(f"the kernel left {found} for {pid}")
    return found[0]


def by_kernel(version):
    """Aborted under GOTRACEBACK=crash: every thread is in a signal handler, the kernel writes; the heap is that of before."""
    core_pattern()
    folder = work_folder() / f"kernel.{version}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    starter = ["sh", "-c", 'ulimit -c unlimited; exec "$0"', build(version, "default", "types")]
    try:
        with Target(pathlib.Path("sh"), *starter[1:], env={"GOTRACEBACK": "crash"}, cwd=folder) as target, Core(target) as ours:
            mine, _ = totals(ours)
            target.process.send_signal(signal.SIGABRT)
            target.process.wait(60)
            same("the kernel's core against ours", mine, totals(kernel_core(folder, target.pid))[0])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def compressed(tool, suffix):
    if not shutil.which(tool):
        raise Skipped(f"no {tool} here")
    with Target(build(newest(), "default", "shapes")) as target, Core(target) as core:
        plain, _ = totals(core)
        packed = core.with_name("core" + suffix)
        with open(packed, "wb") as out:
            subprocess.run([tool, "-c", core], stdout=out, check=True)
        core.unlink()
        same(f"{suffix} core", plain, totals(packed)[0])


def opens_in(command, core):
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    return said.stdout + said.stderr


def gdb_opens_ours():
    if not shutil.which("gdb"):
        raise Skipped("no gdb here")
    path = build(newest(), "default", "shapes")
    with Target(path) as target, Core(target) as core:
        said = opens_in(["gdb", "-nx", "-batch", "-ex", "info threads", "-ex", "x/4xb $pc", "-ex", "thread apply all bt 1",
                         path, core], core)
        if "Thread" not in said and "LWP" not in said or "Cannot access memory" in said:
            raise Failed(f"gdb on our core: {said[-500:]}")
        for complaint in ("warning: ", "error", "truncated"):
            lines = [line for line in said.splitlines() if complaint in line.lower() and "libthread_db" not in line
                     and "auto-load" not in line and "debuginfod" not in line and "gdbinit" not in line]
            if lines:
                raise Failed(f"gdb complains of our core: {lines[0]}")


def written_carefully():
    with Target(build(newest(), "default", "shapes")) as target, Core(target) as core:
        expect("mode of the core", "0o600", oct(core.stat().st_mode & 0o7777))
        if core.stat().st_blocks * 512 > 200 << 20:
            raise Failed(f"{core.stat().st_blocks * 512:,} bytes on disk for a heap of {target.truths['heap_alloc']:,}")
        before = core.read_bytes()
        again = run("snapshot", target.pid, "-o", core)
        expect("exit over an existing file", 1, again.returncode)
        if core.read_bytes() != before:
            raise Failed("an existing file was overwritten")
        good("analyze", core)


def tests():
    for version in ("1.19", "1.22", newest()):
        yield f"{version} gcore", lambda v=version: by_gdb(v)
    yield f"{newest()} pie gcore", lambda: by_gdb(newest(), "pie")
    yield f"{newest()} cgo gcore", lambda: by_gdb(newest(), "cgo")
    for version in ("1.19", "1.24", newest()):
        yield f"{version} kernel", lambda v=version: by_kernel(v)
    yield "zst", lambda: compressed("zstd", ".zst")
    yield "gz", lambda: compressed("gzip", ".gz")
    yield "gdb opens ours", gdb_opens_ours
    yield "written carefully", written_carefully
