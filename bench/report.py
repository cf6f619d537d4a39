"""The results as tables for people; the same data goes into build/bench/results.json."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Sequence[str]


def table(head: Row, rows: Sequence[Row]) -> str:
    """Return aligned columns: the first to the left, all others to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join("  ".join(map(_aligned, line, widths, range(len(head)))).rstrip() for line in lines)


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column else cell.ljust(width)


def copies(found: Mapping[str, Any]) -> str:
    """Return a copy scenario: seconds, ratio to Slipway, calls."""
    head = ("", "seconds", "x Slipway", "process s", "cpu s", "API calls", "in flight", "through client")
    rows = [
        (
            one["title"],
            f"{one['seconds']:.2f}",
            f"{one['times_slipway']:.2f}",
            f"{one['process_seconds']:.2f}",
            f"{one['cpu_seconds']:.2f}",
            str(one["api_calls"]),
            str(one["most_in_flight"]),
            _bytes(one["object_bytes_through_client"]),
        )
        for one in found["contenders"].values()
    ]
    return table(head, rows)


def behaviour(found: Mapping[str, Any]) -> str:
    """Return what each contender was seen to keep, check and refuse."""
    columns = {
        "tags_kept": "tags kept",
        "corruption_noticed": "wrong bytes noticed",
        "overwrite_prevented": "overwriting prevented",
        "resumes_after_a_kill": "goes on after a kill",
    }
    rows = [(one["title"], *("yes" if one[name] else "no" for name in columns)) for one in found["contenders"].values()]
    return table(("", *columns.values()), rows)


def latencies(found: Mapping[str, Any]) -> str:
    """Return p50 and p99 of requests."""
    (ratio,) = {name for one in found["contenders"].values() for name in one if name.startswith("times_")}
    head = ("", "p50 ms", "p99 ms", f"x {ratio.removeprefix('times_')}", "requests")
    rows = [
        (one["title"], f"{one['p50_ms']:.2f}", f"{one['p99_ms']:.2f}", f"{one[ratio]:.2f}", str(one["requests"]))
        for one in found["contenders"].values()
    ]
    return table(head, rows) + (
        f"\nThe sandbox adds {found['sandbox_adds_ms']:.2f} ms to a request." if "sandbox_adds_ms" in found else ""
    )


def enforcement(found: Mapping[str, Any]) -> str:
    """Return what deciding by IAM costs."""
    rows = [
        (name, f"{one['enforce_p50_ms']:.2f}", f"{one['off_p50_ms']:.2f}", f"{one['adds_ms']:.2f}")
        for name, one in found["calls"].items()
    ]
    rates = found["requests_per_second"]
    return table(("", "enforced, p50 ms", "off, p50 ms", "adds ms"), rows) + (
        f"\nFour clients at once: {rates['enforce']} requests a second enforced, {rates['off']} off."
    )


def starts(found: Mapping[str, Any]) -> str:
    """Return how long commands take."""
    rows = [
        (one["title"], f"{one['ms']:.0f}", f"{one['times_slipway_help']:.2f}") for one in found["contenders"].values()
    ]
    loads = "loads" if found["boto3_imported_by_help"] else "does not load"
    return table(("", "ms", "x slipway --help"), rows) + f"\n`slipway --help` {loads} boto3."


def queue(found: Mapping[str, Any]) -> str:
    """Return what became of the jobs, and what it cost."""
    counts = ("submitted", "submitted_again", "ended", "attempts", "writes", "faults", "calls")
    calm = found["calm"]
    good_day = f"jobs {calm['jobs']}, writes of a job: {_counted(calm['writes'])}, descriptions {calm['descriptions']}"
    rows = [
        ("on a good day", good_day),
        ("with faults, jobs", str(found["jobs"])),
        *((name.replace("_", " "), _counted(found[name])) for name in counts),
        ("writes less two for each further attempt", _counted(found["writes_beyond_two_for_each_further_attempt"])),
        ("most list calls within a second", str(found["most_lists_a_second"])),
        ("launches", str(found["launches"])),
        ("history records", str(found["history_records"])),
        ("seconds (submit, all)", ", ".join(f"{value:.0f}" for value in found["seconds"].values())),
        ("broken promises", str(len(found["violations"]))),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in rows)


def reviews(found: Mapping[str, Any]) -> str:
    """Return how long our own part of a review takes, and whole commands on the same plan."""
    own = [
        (
            title,
            f"{one['bytes']:,}",
            *(f"{one[f'{name}_ms']:.0f}" for name in ("read", "review", "own", "json.loads")),
            f"{one['limit_ms']}",
        )
        for title, one in found["plans"].items()
    ]
    tables = [table(("plan", "bytes", "read ms", "review ms", "own ms", "json.loads ms", "limit ms"), own)]
    for title, one in found["plans"].items():
        rows = [(each["title"], str(each["ms"]), f"{each['times_slipway']:.2f}") for each in one["commands"].values()]
        tables.append(table((f"commands on {title}", "ms", "x slipway review"), rows))
    return "\n\n".join(tables)


def _counted(found: Mapping[Any, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in found.items()) or "none"


SHOWN: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "copy-large": ("Copy: one object of 10 GiB", copies),
    "copy-small": ("Copy: 200 objects of 4 KiB", copies),
    "copy-release": ("Copy: a release of 4 files with an archive of 300 MiB", copies),
    "copy-behaviour": ("Copy: what is kept, checked and refused (observed)", behaviour),
    "serve": ("Serve: a model that answers with the question, one worker, one kept-alive connection", latencies),
    "sandbox": ("Sandbox: what InvokeEndpoint adds to the model's own time", latencies),
    "enforcement": ("Sandbox: what deciding every request by IAM adds", enforcement),
    "queue": ("Training queue: jobs under faults", queue),
    "start": ("Start-up of commands", starts),
    "review": ("Review: plans of two sizes", reviews),
}


def text(results: Mapping[str, Any]) -> str:
    """Return everything that was measured, one table for each benchmark."""
    parts = [f"{title}\n{show(results[name])}" for name, (title, show) in SHOWN.items() if name in results]
    return "\n\n".join(parts)


def _bytes(count: int) -> str:
    return f"{count / 1024:.1f} KiB" if count else "0"
