"""Replication: what is pushed to one registry appears in those that its configuration names, if they allow it.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html: only what is pushed after replication is
configured; once for each push, never onwards from a destination; another account's registry must allow it by its
registry policy, which also decides whether the repository may be made.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import Any

from moto.ecr.models import ecr_backends

from glue.iam import Principal
from sandbox.errors import AwsError
from sandbox.events import images
from sandbox.iam import enforce
from sandbox.registry import store
from sandbox.registry.store import LOCK, StoredImage

log = logging.getLogger(__name__)
_Job = tuple[Any, StoredImage, str | None, str, str]


class Replicator:
    """Copies images in the background: on AWS a push returns before its copies exist, and callers have to wait."""

    def __init__(self, *, delay_s: float) -> None:
        self._delay_s = delay_s
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="ecr-replication", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the worker; what waits is dropped."""
        self._jobs.put(None)
        self._thread.join(timeout=5)

    def pushed(self, repo: Any, image: StoredImage, tag: str | None) -> None:
        """Queue a copy for each destination of a push."""
        rules = ecr_backends[repo.registry_id][repo.region_name].replication_config.get("rules") or []
        for rule in rules:
            filters = rule.get("repositoryFilters") or []
            if filters and not any(repo.name.startswith(one["filter"]) for one in filters):
                continue
            for place in rule["destinations"]:
                image.replication[place["registryId"], place["region"]] = {"status": "IN_PROGRESS"}
                self._jobs.put((repo, image, tag, place["registryId"], place["region"]))

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            time.sleep(self._delay_s)
            repo, image, tag, registry, region = job
            try:
                replicate(repo, image, tag, registry=registry, region=region)
                image.replication[registry, region] = {"status": "COMPLETE"}
                images.replicated(repo, image.digest, tag, registry=registry, region=region)
            except AwsError as error:
                log.warning("replication of %s@%s to %s: %s", repo.name, image.digest, registry, error)
                image.replication[registry, region] = {"status": "FAILED", "failureCode": error.code}
            except Exception:
                log.exception("replication of %s@%s to %s", repo.name, image.digest, registry)
                image.replication[registry, region] = {"status": "FAILED", "failureCode": "InternalError"}


def replicate(repo: Any, image: StoredImage, tag: str | None, *, registry: str, region: str) -> None:
    """Copy one image. Raises AwsError AccessDenied when the destination does not allow it."""
    backend = ecr_backends[registry][region]
    arn = f"arn:aws:ecr:{region}:{registry}:repository/{repo.name}"
    if registry != repo.registry_id and not allowed(repo.registry_id, "ecr:ReplicateImage", arn):
        raise AwsError("AccessDenied", f"registry {registry} does not let {repo.registry_id} replicate to {repo.name}")
    with LOCK:
        target = backend.repositories.get(repo.name)
        if target is None:
            if registry != repo.registry_id and not allowed(repo.registry_id, "ecr:CreateRepository", arn):
                raise AwsError("AccessDenied", f"registry {registry} does not let {repo.registry_id} make {repo.name}")
            target = backend.create_repository(
                repository_name=repo.name,
                registry_id=registry,
                encryption_config=None,
                image_scan_config=None,
                image_tag_mutability=None,
                tags=[],
            )
        _copy(repo, target, image, tag)


def _copy(repo: Any, target: Any, image: StoredImage, tag: str | None) -> None:
    """Copy manifest and layers; the images of an index before the index itself."""
    for digest in image.layers:
        inner = store.find(repo, {"imageDigest": digest})
        if inner is not None and store.find(target, {"imageDigest": digest}) is None:
            _copy(repo, target, inner, None)
        if digest in repo.layers:
            target.layers[digest] = repo.layers[digest]
    copied = StoredImage(image.manifest, image.media_type, image.digest, image.layers, image.size)
    try:
        store.put(target, copied, tag, replicated=True)
    except AwsError as error:
        if error.code != "ImageAlreadyExistsException":
            raise


def allowed(account_id: str, action: str, resource: str) -> bool:
    """Tell whether a registry's policy lets another account's registry do this: replication acts for the account.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
    """
    other = Principal(kind="root", arn=f"arn:aws:iam::{account_id}:root", account_id=account_id)
    return enforce.decide(other, action, resource).allowed
