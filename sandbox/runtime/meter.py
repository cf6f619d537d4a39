"""Finds the metrics of MetricDefinitions in what a training program prints.

https://docs.aws.amazon.com/sagemaker/latest/dg/define-train-metrics.html
"""

from __future__ import annotations

import re
import threading
from typing import Any

from moto.core.utils import utcnow

from sandbox.cloudwatch.metrics import record

NAMESPACE = "/aws/sagemaker/TrainingJobs"


class Meter:
    """Reads the lines of a job's programs, one for each of its instances."""

    def __init__(self, job: Any, programs: int = 1) -> None:
        self._job = job
        self._left = programs
        self._lock = threading.Lock()
        self._ended = threading.Event()
        definitions = job.request["AlgorithmSpecification"].get("MetricDefinitions") or []
        self._patterns = [(one["Name"], re.compile(one["Regex"])) for one in definitions]

    def read(self, line: str | None) -> None:
        """Take one line; None is the end of one program."""
        if line is None:
            with self._lock:
                self._left -= 1
                if not self._left:
                    self._ended.set()
            return
        for name, pattern in self._patterns:
            found = pattern.search(line)
            if found and found.groups():
                self._note(name, found.group(1))

    def finish(self) -> None:
        """Wait until everything that the programs printed was read."""
        self._ended.wait(5.0)

    def _note(self, name: str, text: str) -> None:
        try:
            value = float(text)
        except ValueError:
            return
        job, now = self._job, utcnow()
        job.metrics[name] = {"MetricName": name, "Value": value, "Timestamp": now}
        dimensions = {"TrainingJobName": job.name}
        record(NAMESPACE, name, dimensions, value, account_id=job.account_id, region=job.region)
