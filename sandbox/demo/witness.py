"""What the accounts themselves say about who did what: nothing was denied, and administrators only assumed roles."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from pathlib import Path
from typing import Any

from sandbox.demo.meter import SERVICE
from sandbox.demo.report import Report
from sandbox.settings import OPERATOR_ROLE


class Witness:
    """Reads the access log and the log of denials from where they stand when it is made.

    `enforcement` is the server's SANDBOX_IAM. Where nobody is asked, nothing can be denied, and nothing is claimed.
    """

    def __init__(self, home: Path, *, enforcement: str) -> None:
        self._enforcement = enforcement
        self._logs = {name: home / f"{name}.jsonl" for name in ("requests", "denials")}
        self._positions = {name: _size(path) for name, path in self._logs.items()}

    def testify(self, report: Report) -> None:
        """Note two checks: no denial since, and no request of an administrator's own but to STS."""
        if self._enforcement != "off":
            denials = self._since("denials")
            first = denials[0] if denials else {}
            report.check(
                "nothing was denied",
                not denials,
                f"{len(denials)} denials"
                + (f", first {first.get('action')} on {first.get('resource')}" if denials else ""),
            )
        by_administrators = Counter(
            f"{line['service']}:{line['operation']}" for line in self._since("requests") if _is_administrators(line)
        )
        beyond = {call: count for call, count in by_administrators.items() if not call.startswith("sts:")}
        report.check(
            "after bootstrap administrators only assumed roles",
            by_administrators.total() > 0 and not beyond,
            ", ".join(f"{call} {count}" for call, count in (beyond or by_administrators).items()),
        )

    def _since(self, name: str) -> list[dict[str, Any]]:
        path = self._logs[name]
        if not path.exists():
            return []
        with path.open("rb") as log:
            log.seek(self._positions[name])
            data = log.read()
        return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines() if line.strip()]


def enforcement(url: str) -> str:
    """Return how the server at this address treats IAM: enforce, observe or off."""
    host = url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request("GET", "/_sandbox/board")
        return str(json.loads(connection.getresponse().read())["parts"]["clock"]["enforcement"])
    finally:
        connection.close()


def _is_administrators(line: dict[str, Any]) -> bool:
    """Tell whether a request was signed by an administrator; what AWS does for itself is nobody's."""
    return f":assumed-role/{OPERATOR_ROLE}/" in str(line.get("principal")) and SERVICE not in str(
        line.get("client", "")
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
