"""Copying a release from one bucket to another: Slipway beside its peers, on the latency model of S3."""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench import processes
from bench.contenders import AWS, CONTENDERS, PART, Contender, Task
from bench.processes import BenchError, Ran, Remote
from bench.s3_store import MIB, part_checksums, virtual
from glue.core.checksum import Checksums
from glue.core.release import MANIFEST, MODEL_ARCHIVE, SOURCE_ARCHIVE, Release, encode, release_file, with_content

SOURCE, TARGET = "slipway-source", "slipway-target"
TAGS = {"model": "bench", "stage": "candidate"}
Say = Callable[[str], None]


@dataclass(frozen=True)
class Scenario:
    """Files by name and size. `only` is the one file that a peer copies; None: everything, the manifest too."""

    name: str
    title: str
    files: Mapping[str, int]
    only: str | None = None


_NUMBERED = [f"part/{number:03}.json" for number in range(199)]
SCENARIOS = (
    Scenario("copy-large", "One object of 10 GiB", {MODEL_ARCHIVE: 10 * 1024**3}, only=MODEL_ARCHIVE),
    Scenario("copy-small", "200 objects of 4 KiB", dict.fromkeys([MODEL_ARCHIVE, *_NUMBERED], 4096)),
    Scenario(
        "copy-release",
        "A typical release: 4 files, archive of 300 MiB",
        {MODEL_ARCHIVE: 300 * MIB, SOURCE_ARCHIVE: 2 * MIB, "golden/requests.json": 40 * 1024},
    ),
)
PROBE = Scenario("copy-behaviour", "What is kept, checked and refused", {MODEL_ARCHIVE: 150 * MIB}, only=MODEL_ARCHIVE)


@dataclass
class Measured:
    """One contender in one scenario: seconds between the first request and the last answer, and of the process."""

    seconds: list[float] = field(default_factory=list)
    process_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    calls: Mapping[str, int] = field(default_factory=dict)
    through_client: int = 0
    most_in_flight: int = 0

    def result(self, base: float) -> dict[str, Any]:
        """Return it as data; `base` are the seconds of Slipway."""
        seconds = statistics.median(self.seconds)
        return {
            "seconds": round(seconds, 3),
            "seconds_of_each_run": [round(one, 3) for one in self.seconds],
            "times_slipway": round(seconds / base, 2),
            "process_seconds": round(statistics.median(self.process_s), 3),
            "cpu_seconds": round(statistics.median(self.cpu_s), 3),
            "api_calls": sum(self.calls.values()),
            "calls_by_operation": dict(self.calls),
            "object_bytes_through_client": self.through_client,
            "most_in_flight": self.most_in_flight,
        }


def furnish(remote: Remote, scenario: Scenario) -> Task:
    """Put a release with its manifest into the source bucket and return the task to copy it."""
    name = "bench-20260131t120000-1a2b3c4"
    prefix = f"releases/bench/{name}/"
    files = {}
    for file, size in scenario.files.items():
        remote.ask("put", bucket=SOURCE, key=prefix + file, size=size, part_size=PART, tags=TAGS)
        parts = part_checksums(virtual(f"{SOURCE}/{prefix}{file}", size), PART)
        files[file] = release_file(file, Checksums(size, PART, parts))
    release = with_content(
        Release(
            release=name,
            model="bench",
            created="2026-01-31T12:00:00Z",
            commit="1a2b3c4",
            image_repository="slipway/bench",
            image_digest="sha256:" + "ab" * 32,
            files=files,
        )
    )
    text = encode(release).decode()
    remote.ask("put", bucket=SOURCE, key=prefix + MANIFEST, size=0, part_size=PART, tags=TAGS, text=text)
    names = [scenario.only] if scenario.only else [*scenario.files, MANIFEST]
    return Task(remote.url, SOURCE, TARGET, prefix, name, tuple(prefix + one for one in names))


def contenders() -> tuple[Contender, ...]:
    """Return who takes part: aws-cli only where it is installed."""
    return tuple(one for one in CONTENDERS if one.name != "aws" or AWS.exists())


def measure(remote: Remote, scenario: Scenario, *, runs: int, say: Say) -> dict[str, Any]:
    """Run every contender in turn, `runs` times round, and return medians and ratios.

    Raises BenchError when a contender fails or the target is not equal to the source afterwards.
    """
    remote.ask("pace")
    remote.ask("clear", bucket=SOURCE)
    task = furnish(remote, scenario)
    found = {one.name: Measured() for one in contenders()}
    for number in range(runs):
        for one in contenders():
            report, ran = _once(remote, one, task)
            measured = found[one.name]
            measured.seconds.append(report["seconds"])
            measured.process_s.append(ran.seconds)
            measured.cpu_s.append(ran.cpu_s)
            measured.calls = report["calls"]
            measured.through_client = report["object_bytes_through_client"]
            measured.most_in_flight = report["most_in_flight"]
            say(f"{scenario.name} {number + 1}/{runs} {one.title}: {report['seconds']:.2f} s")
    base = statistics.median(found["slipway"].seconds)
    return {
        "title": scenario.title,
        "bytes": sum(scenario.files.values()),
        "contenders": {one.name: {"title": one.title, **found[one.name].result(base)} for one in contenders()},
    }


def _once(remote: Remote, one: Contender, task: Task) -> tuple[dict[str, Any], Ran]:
    remote.ask("clear", bucket=TARGET)
    ran = _run(one, task)
    report: dict[str, Any] = remote.ask("report")
    if ran.code:
        raise BenchError(f"{one.title} failed with exit code {ran.code}: {ran.said}")
    wrong = different(remote, task.keys)
    if wrong:
        raise BenchError(f"{one.title} left {', '.join(wrong)} other than the source")
    return report, ran


def _run(one: Contender, task: Task) -> Ran:
    return processes.run(one.command(task), env=processes.environment(AWS_ENDPOINT_URL_S3=task.url))


def different(remote: Remote, keys: Iterable[str]) -> list[str]:
    """Return the keys whose target does not consist of exactly the source's bytes, in order."""
    source, target = (remote.ask("objects", bucket=bucket) for bucket in (SOURCE, TARGET))
    return [key for key in keys if source[key]["pieces"] != target.get(key, {}).get("pieces")]


def behaviour(remote: Remote, *, say: Say) -> dict[str, Any]:
    """Try out what each contender keeps, checks and refuses, without delays: observed, not read in a manual."""
    remote.ask("pace", call_s=0.0, bytes_per_s=1e15)
    remote.ask("clear", bucket=SOURCE)
    task = furnish(remote, PROBE)
    found = {}
    for one in contenders():
        say(f"{PROBE.name} {one.title}")
        found[one.name] = {
            "title": one.title,
            "tags_kept": _keeps_tags(remote, one, task),
            "corruption_noticed": _notices_corruption(remote, one, task),
            "overwrite_prevented": _prevents_overwriting(remote, one, task),
            "resumes_after_a_kill": _resumes(remote, one, task),
        }
    return {"title": PROBE.title, "contenders": found}


def _keeps_tags(remote: Remote, one: Contender, task: Task) -> bool:
    _once(remote, one, task)
    return bool(remote.ask("objects", bucket=TARGET)[task.keys[0]]["tags"] == TAGS)


def _notices_corruption(remote: Remote, one: Contender, task: Task) -> bool:
    """One copied part is not what the source holds, and S3 says nothing: is it an error, and is there no object?"""
    remote.ask("clear", bucket=TARGET)
    remote.ask("corrupt")
    code = _run(one, task).code
    return code != 0 and task.keys[0] not in remote.ask("objects", bucket=TARGET)


def _prevents_overwriting(remote: Remote, one: Contender, task: Task) -> bool:
    """Something else is at the target's key: is it still there afterwards?"""
    remote.ask("clear", bucket=TARGET)
    key = task.keys[0]
    remote.ask("put", bucket=TARGET, key=key, size=0, part_size=PART, tags={}, text="somebody else's")
    before = remote.ask("objects", bucket=TARGET)[key]["pieces"]
    _run(one, task)
    return bool(remote.ask("objects", bucket=TARGET)[key]["pieces"] == before)


def _resumes(remote: Remote, one: Contender, task: Task) -> bool:
    """All parts but one are in an unfinished upload: does the next run copy the one part only?"""
    remote.ask("clear", bucket=TARGET)
    remote.ask("abandon", bucket=TARGET, source=SOURCE, key=task.keys[0], part_size=PART)
    _run(one, task)
    key = task.keys[0]
    if different(remote, [key]):
        raise BenchError(f"{one.title} left {key} other than the source")
    return bool(remote.ask("report")["copied_bytes"] < 2 * PART)


def capacity(remote: Remote, *, seconds: float = 1.0) -> float:
    """Return how many calls a second the model answers without its delays: HEADs, pipelined on one connection."""
    remote.ask("pace", call_s=0.0)
    request = b"HEAD /slipway-source/absent HTTP/1.1\r\nHost: model\r\n\r\n"
    batch, answered = 200, 0
    with socket.create_connection(remote.address, timeout=10) as connection:
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            connection.sendall(request * batch)
            answered += _answers(connection, batch)
        elapsed = time.perf_counter() - began
    remote.ask("pace")
    return answered / elapsed


def _answers(connection: socket.socket, wanted: int) -> int:
    seen = b""
    while (count := seen.count(b"\r\n\r\n")) < wanted:
        more = connection.recv(1 << 16)
        if not more:
            raise BenchError("the latency model closed the connection")
        seen += more
    return count
