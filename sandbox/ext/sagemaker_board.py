"""What the page shows of endpoints, their traffic and the clock; and the minute's metrics of their processes."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from moto.sagemaker.models import sagemaker_backends

from sandbox import board
from sandbox.cloudwatch.metrics import record
from sandbox.iam import enforce
from sandbox.runtime import asynchronous, clock
from sandbox.runtime.endpoint import Endpoint
from sandbox.runtime.fleet import Fleet, Variant
from sandbox.runtime.metrics import HOSTS, Seen, recent
from sandbox.settings import Settings

POINTS = 60
STEP = 2.0  # wall seconds
DOZE = 300.0  # AWS seconds without a request until a serverless variant has no server; AWS names no number
_timers: list[clock.Timer] = []


def install(settings: Settings) -> None:
    """Register the page's parts and measure each AWS minute."""
    del settings
    board.register("clock", _clock)
    board.register("endpoints", lambda: [_endpoint(one) for one in everywhere()])
    board.register("traffic", lambda: traffic(recent(POINTS * STEP)))
    for timer in _timers:
        timer.cancel()
    _timers[:] = [clock.shared().every(60.0, measure, name="endpoint hosts")]


def everywhere() -> Iterator[Endpoint]:
    """Yield the endpoints of all accounts and regions."""
    for regions in list(sagemaker_backends.values()):
        for backend in list(regions.values()):
            yield from (one for one in list(backend.endpoints.values()) if isinstance(one, Endpoint))


def measure() -> None:
    """Report processor, memory and disk of each variant, and backlogs; let idle serverless variants doze off."""
    for endpoint in everywhere():
        fleets = [fleet for fleet in (endpoint.fleet, endpoint.green) if fleet is not None]
        for variant in [one for fleet in fleets for one in fleet.everyone()]:
            _measure(endpoint, variant)
        if endpoint.fleet.asynchronous is not None and endpoint.serving:
            asynchronous.measure(endpoint)


def _measure(endpoint: Endpoint, variant: Variant) -> None:
    where = {"EndpointName": endpoint.name, "VariantName": variant.name}
    for name, value in variant.host.measure(variant.server.pids, variant.server.folder).items():
        record(HOSTS, name, where, value, "Percent", account_id=endpoint.account_id, region=endpoint.region)
    variant.server.doze(DOZE)


def traffic(seen: list[Seen]) -> list[dict[str, Any]]:
    """Return requests a second, errors and latencies of each endpoint and variant."""
    groups: defaultdict[tuple[str, str, str], list[Seen]] = defaultdict(list)
    for one in seen:
        groups[one.account_id, one.endpoint, one.variant].append(one)
    now = time.monotonic()
    return [_group(key, found, now) for key, found in sorted(groups.items())]


def _group(key: tuple[str, str, str], seen: list[Seen], now: float) -> dict[str, Any]:
    counts = [0] * POINTS
    for one in seen:
        age = int((now - one.at) / STEP)
        if age < POINTS:
            counts[POINTS - 1 - age] += 1
    times = sorted(one.milliseconds for one in seen if one.milliseconds is not None)
    return {
        "account": key[0],
        "endpoint": key[1],
        "variant": key[2],
        "rate": [count / STEP for count in counts],
        "step_s": STEP,
        "errors_5xx": sum(one.status is None or one.status >= 500 for one in seen),
        "errors_4xx": sum(one.status is not None and 400 <= one.status < 500 for one in seen),
        "p50_ms": _share(times, 0.5),
        "p99_ms": _share(times, 0.99),
    }


def _share(times: list[float], share: float) -> float | None:
    return round(times[math.ceil(len(times) * share) - 1], 2) if times else None


def _clock() -> dict[str, Any]:
    shared = clock.shared()
    return {"now": f"{shared.now():%Y-%m-%dT%H:%M:%SZ}", "speed": shared.speed, "enforcement": enforce.mode()}


def _endpoint(endpoint: Endpoint) -> dict[str, Any]:
    with endpoint.lock:
        live, new, share = endpoint.fleet, endpoint.pending, endpoint.share / 100
        serving = endpoint.green is not None
        fleets = _fleet(live, "live", 1 - share) + (_fleet(new, "new", share if serving else 0.0) if new else [])
        return {
            "account": endpoint.account_id,
            "name": endpoint.name,
            "status": endpoint.status,
            "reason": endpoint.failure_reason,
            "changed": f"{endpoint.changed:%Y-%m-%dT%H:%M:%SZ}",
            "config": endpoint.config_name,
            "target": endpoint.pending_config,
            "phase": endpoint.phase,
            "phase_ends": f"{endpoint.phase_ends:%Y-%m-%dT%H:%M:%SZ}" if endpoint.phase_ends else None,
            "alarms": list(endpoint.alarms),
            "fleets": fleets,
        }


def _fleet(fleet: Fleet, role: str, share: float) -> list[dict[str, Any]]:
    total = sum(variant.weight for variant in fleet.variants.values()) or 1.0
    shown = [_variant(fleet, one, role, share * one.weight / total) for one in fleet.variants.values()]
    return shown + [_variant(fleet, one, "shadow", 0.0) for one in fleet.shadows.values()]


def _variant(fleet: Fleet, variant: Variant, role: str, share: float) -> dict[str, Any]:
    return {
        "config": fleet.config_name,
        "variant": variant.name,
        "role": role,
        "share": round(share, 4),
        "instances": variant.count or 0,
        "desired": variant.desired_count or 0,
        "processes": len(variant.server.pids),
        "instance_type": str(variant.settings.get("InstanceType") or "serverless"),
        "image": variant.resolved.partition("@")[2] or None,
    }
