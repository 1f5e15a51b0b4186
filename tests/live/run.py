#!/usr/bin/env python3
"""Snapshots of living processes: run.py [long] [PATTERN...]. One line a test; `long` adds those that take minutes."""
import importlib
import pathlib
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from victim import Failed, Skipped  # noqa: E402


def outcome(name, function):
    begin = time.monotonic()
    try:
        said = function()
        return f"ok live {name}" + (f": {said}" if said else "") + f" ({time.monotonic() - begin:.1f} s)"
    except Skipped as reason:
        return f"skip live {name}: {reason}"
    except Failed as why:
        return f"FAIL live {name}: {why}"
    except Exception:  # a test that breaks has not passed
        return f"FAIL live {name}: {traceback.format_exc(limit=-3)}"


def main():
    words = sys.argv[1:]
    is_long = "long" in words
    patterns = [word for word in words if word != "long"]
    failed = 0
    for file in sorted(pathlib.Path(__file__).parent.glob("test_*.py")):
        module = importlib.import_module(file.stem)
        for name, function in [*module.tests(), *(module.long_tests() if is_long else ())]:
            name = f"{file.stem[5:]} {name}"
            if patterns and not any(pattern in name for pattern in patterns):
                continue
            line = outcome(name, function)
            failed += line.startswith("FAIL")
            print(line, flush=True)
    sys.exit(1 if failed else 0)


main()
