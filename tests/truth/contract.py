"""The contract of JSON: what each report has, and of which kind."""
import re

from harness import Failed

ADDRESS = re.compile(r"^0x[0-9a-f]+$")
TOTALS = ["live_objects", "live_bytes", "garbage_objects", "garbage_bytes", "heap_inuse_bytes"]
COVERAGE = ["typed_bytes", "masked_bytes", "missing_bytes", "conservative_edges"]
ROWS = {  # by report and, for top, by what tells its kind of row
    "type": {"type": str, "count": int, "shallow": int, "retained": int, "exact": bool},
    "root": {"root": str, "kind": str, "count": int, "retained": int, "conservative": int},
    "object": {"address": ADDRESS, "type": str, "shallow": int, "retained": int, "holder": str},
    "goroutine": {"goroutines": int, "state": str, "created_by": str, "stack_bytes": int, "retained": int},
    "thread": {"threads": int, "state": str, "stack_bytes": int, "tls_bytes": int, "retained": int, "exact": bool},
    "package": {"retained": int, "count": int},
    "container": {"type": str, "kind": str, "count": int, "slack": int, "shallow": int, "retained": int, "exact": bool},
    "tree": {"id": int, "label": str, "via": str, "type": str, "count": int, "shallow": int, "retained": int},
    "suspects": {"label": str, "reason": str, "objects": int, "permille": int, "retained": int, "own": int, "fingerprint": str, "known": bool},
    "diff": {"label": str, "grew": int, "more": int, "before": int, "now": int, "objects_before": int, "objects": int, "every_time": bool,
             "fingerprint": str, "known": bool},
    "what-if": {"type": str, "count": int, "bytes": int},
    "why": {"id": int, "label": str, "via": str, "type": str, "count": int, "shallow": int, "retained": int},
}


def no_float(text):
    raise Failed(f"json: {text} is no integer")


def check_key(where, row, key, kind):
    if key not in row:
        raise Failed(f"json: {where} has no '{key}', only {sorted(row)}")
    value = row[key]
    if kind is ADDRESS:
        if not isinstance(value, str) or not ADDRESS.match(value):
            raise Failed(f"json: {where}.{key} is no address: {value!r}")
    elif not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Failed(f"json: {where}.{key} is no {kind.__name__}: {value!r}")
    if kind is int and value < 0:
        raise Failed(f"json: {where}.{key} is negative: {value}")


def check_rows(report, kind):
    ids = set()
    for number, row in enumerate(report["rows"]):
        for key, what in ROWS[kind].items():
            check_key(f"{report['report']} row {number}", row, key, what)
        if kind in ("why", "tree"):
            if row["id"] in ids:
                raise Failed(f"json: why id {row['id']} twice")
            if row.get("parent") is not None and row["parent"] not in ids:
                raise Failed(f"json: why row {row['id']} has a parent {row['parent']} that does not stand above it")
            ids.add(row["id"])


def check(report, by=None, runtime="go1."):
    for key, kind in {"report": str, "version": int, "source": dict, "totals": dict, "coverage": dict, "rows": list}.items():
        check_key("report", report, key, kind)
    for key in ("kind", "runtime"):
        check_key("source", report["source"], key, str)
    if report["source"]["kind"] not in ("core", "live"):
        raise Failed(f"json: source.kind is {report['source']['kind']}")
    if not report["source"]["runtime"].startswith(runtime):
        raise Failed(f"json: source.runtime is {report['source']['runtime']}")
    for key in TOTALS:
        check_key("totals", report["totals"], key, int)
    for key in COVERAGE:
        check_key("coverage", report["coverage"], key, int)
    check_key("coverage", report["coverage"], "notes", list)
    if report["report"] in ("why", "suspects", "diff", "what-if"):
        check_rows(report, report["report"])
    elif by:
        check_rows(report, by)
