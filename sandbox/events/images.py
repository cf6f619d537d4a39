"""ECR's events: images that were pushed, deleted or replicated.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
"""

from __future__ import annotations

from typing import Any

from sandbox.events import bus


def action(repo: Any, digest: str, kind: str, tag: str | None, *, media_type: str | None = None) -> None:
    """Tell of a PUSH or a DELETE of an image."""
    detail = {
        "result": "SUCCESS",
        "repository-name": repo.name,
        "image-digest": digest,
        "action-type": kind,
        "image-tag": tag,
        "manifest-media-type": media_type,
    }
    shown = {name: value for name, value in detail.items() if value is not None}
    bus.emit(repo.registry_id, repo.region_name, "aws.ecr", "ECR Image Action", shown)


def replicated(source: Any, digest: str, tag: str | None, *, registry: str, region: str) -> None:
    """Tell the destination that an image has arrived."""
    detail = {
        "result": "SUCCESS",
        "repository-name": source.name,
        "image-digest": digest,
        "source-account": source.registry_id,
        "action-type": "REPLICATE",
        "source-region": source.region_name,
        "image-tag": tag or "",
    }
    arn = f"arn:aws:ecr:{region}:{registry}:repository/{source.name}"
    bus.emit(registry, region, "aws.ecr", "ECR Replication Action", detail, [arn])
