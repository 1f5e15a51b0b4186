#!/usr/bin/env python3
"""Runs the truth tests: run.py [PATTERN...]; a pattern is a part of a test's name. One line a test. PENDING=1: those that cannot pass yet."""
import concurrent.futures
import importlib
import os
import pathlib
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import harness  # noqa: E402

KIND = "pending" if os.environ.get("PENDING") else "test"


def outcome(name, function):
    start = time.monotonic()
    try:
        said = function()
        spent = f" ({time.monotonic() - start:.1f} s)" if os.environ.get("TIMES") else ""
        return f"ok {name}" + (f": {said}" if said else "") + spent
    except harness.Skipped as reason:
        return f"skip {name}: {reason}"
    except harness.Failed as why:
        return f"FAIL {name}: {why}"
    except Exception:  # a test that breaks has not passed
        return f"FAIL {name}: {traceback.format_exc(limit=-3)}"


def main():
    patterns = sys.argv[1:]
    files = sorted(pathlib.Path(__file__).parent.glob(f"{KIND}_*.py"))
    todo = []
    for file in files:
        subject = file.stem[len(KIND) + 1:]
        for name, function in importlib.import_module(file.stem).tests():
            name = f"truth {subject} {name}"
            if not patterns or any(pattern in name for pattern in patterns):
                todo.append((name, function))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max(2, len(os.sched_getaffinity(0)))) as pool:
        for line in pool.map(lambda job: outcome(*job), todo):
            failed += line.startswith("FAIL")
            print(line, flush=True)
    sys.exit(1 if failed else 0)


main()
