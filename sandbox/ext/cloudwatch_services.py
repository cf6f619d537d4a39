"""Measures the queues each minute of AWS's time."""

from __future__ import annotations

from sandbox.cloudwatch import services
from sandbox.runtime import clock
from sandbox.settings import Settings

_timers: list[clock.Timer] = []


def install(settings: Settings) -> None:
    """Begin to measure."""
    del settings
    for timer in _timers:
        timer.cancel()
    _timers[:] = [clock.shared().every(60.0, services.measure_queues, name="queue metrics")]
