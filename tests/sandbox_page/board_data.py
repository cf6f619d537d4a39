"""What the providers of a busy sandbox say, in the shapes that `sandbox/board.py` names."""

from __future__ import annotations

import math
from typing import Any

DEV, QA, PRODUCTION = "111111111111", "222222222222", "333333333333"
OLD, NEW = "slipway-production-ranker-r6-1c9a4e7b", "slipway-production-ranker-r7-52d0f3aa"
DIGEST = "sha256:" + "4f2a9c81d07be635" * 4


def fleet(role: str, share: float, config: str = OLD, **more: Any) -> dict[str, Any]:
    return {
        "config": config,
        "variant": "primary",
        "role": role,
        "share": share,
        "instances": 2,
        "desired": 2,
        "instance_type": "ml.c7g.large",
        "image": DIGEST,
        **more,
    }


def canary(share: float) -> dict[str, Any]:
    """An endpoint in the bake of a canary: `share` of the traffic goes to the new fleet."""
    return {
        "account": PRODUCTION,
        "name": "slipway-production-ranker",
        "status": "Updating",
        "reason": None,
        "changed": "2031-05-04T10:11:12Z",
        "config": OLD,
        "target": NEW,
        "phase": "baking",
        "phase_ends": "2031-05-04T10:20:00Z",
        "alarms": ["slipway-production-ranker-5xx"],
        "fleets": [
            fleet("live", 1 - share),
            fleet("new", share, NEW, instances=1),
            fleet("shadow", 0.0, "shadow-config"),
        ],
    }


def steady(account: str, environment: str) -> dict[str, Any]:
    return {
        **canary(0),
        "account": account,
        "name": f"slipway-{environment}-ranker",
        "status": "InService",
        "phase": None,
        "target": None,
        "config": f"slipway-{environment}-ranker-r7-52d0f3aa",
        "fleets": [fleet("live", 1.0, f"slipway-{environment}-ranker-r7-52d0f3aa", instances=1, desired=1)],
    }


def traffic(account: str, environment: str, *, errors: int = 0) -> dict[str, Any]:
    return {
        "account": account,
        "endpoint": f"slipway-{environment}-ranker",
        "rate": [round(20 + 8 * math.sin(index / 6) + (index % 7) / 2, 2) for index in range(60)],
        "step_s": 1,
        "errors_5xx": errors,
        "errors_4xx": 3 if errors else 0,
        "p50_ms": 4.1,
        "p99_ms": 9.6,
    }


def busy() -> dict[str, Any]:
    """Return data for every part."""
    return {
        "clock": {"now": "2031-05-04T10:12:13Z", "speed": 60.0, "enforcement": "enforce"},
        "endpoints": [canary(0.1), steady(QA, "qa"), steady(DEV, "dev")],
        "traffic": [traffic(PRODUCTION, "production", errors=2), traffic(QA, "qa"), traffic(DEV, "dev")],
        "alarms": [
            {
                "account": PRODUCTION,
                "name": "slipway-production-ranker-5xx",
                "state": "ALARM",
                "reason": "Threshold Crossed: 3 datapoints [4.0, 2.0, 2.0] were greater than the threshold (1.0).",
                "changed": "2031-05-04T10:11:12Z",
                "metric": "Invocation5XXErrors",
                "composite": False,
            },
            {"account": PRODUCTION, "name": "slipway-production-ranker-latency", "state": "OK", "reason": ""},
            {"account": QA, "name": "slipway-qa-ranker-5xx", "state": "INSUFFICIENT_DATA", "reason": ""},
        ],
        "queues": [
            {"account": DEV, "name": "training", "visible": 3, "in_flight": 1, "delayed": 0, "dead_letters": False},
            {"account": DEV, "name": "training-dead", "visible": 2, "in_flight": 0, "delayed": 0, "dead_letters": True},
        ],
        "outbox": [
            {
                "time": "2031-05-04T10:11:59Z",
                "account": PRODUCTION,
                "to": "on-call@example.com",
                "subject": 'ALARM: "slipway-production-ranker-5xx" in EU (Ireland)',
                "body": "You are receiving this email because your Amazon CloudWatch Alarm is in the ALARM state.",
            }
        ],
        "denials": [
            {
                "time": "2026-11-21T12:00:00Z",
                "account": QA,
                "principal": "arn:aws:sts::222222222222:assumed-role/slipway-qa-promote/session",
                "action": "s3:GetObject",
                "resource": "arn:aws:s3:::slipway-dev-artifacts-111111111111/training/job-1/output.tar.gz",
                "reason": "no resource-based policy allows the action",
                "operation": "GetObject",
                "mode": "enforce",
            }
        ],
        "events": [
            {
                "time": "2031-05-04T10:11:12Z",
                "account": PRODUCTION,
                "source": "aws.sagemaker",
                "type": "SageMaker Endpoint State Change",
                "resource": "slipway-production-ranker",
                "detail": "UPDATING",
                "delivered": ["notify"],
            }
        ],
        "jobs": [
            {
                "account": DEV,
                "kind": "training",
                "name": "ranker-2026-11-21-1",
                "status": "InProgress",
                "secondary": "Downloading",
                "reason": None,
                "created": "2026-11-21T12:00:00.000000Z",
            },
            {
                "account": DEV,
                "kind": "processing",
                "name": "prepare-1",
                "status": "Failed",
                "secondary": None,
                "reason": "AlgorithmError: See job logs for more information, exit code: 4",
                "created": "2026-11-21T11:00:00.000000Z",
            },
        ],
        "schedules": [
            {
                "account": DEV,
                "name": "launch-training",
                "expression": "rate(1 minute)",
                "next": "2031-05-04T10:13:00Z",
                "last": "2031-05-04T10:12:00Z",
                "enabled": True,
                "target": "training-launcher",
                "last_error": None,
            }
        ],
    }
