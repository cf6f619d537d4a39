"""ECR: digests that are the SHA-256 of the manifest, layers that can be fetched, replication.

moto's digests are not those of the manifest (two manifests got one), and its layers are sizes only. The code lies in
`sandbox/registry/` and `sandbox/images.py`; what is repaired is listed in docs/sandbox.md.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from werkzeug.wrappers import Response

from sandbox import images
from sandbox.calls import Call
from sandbox.door import on_path, on_service
from sandbox.errors import AwsError
from sandbox.events import work
from sandbox.registry import expiry
from sandbox.registry.operations import Operations
from sandbox.registry.replication import Replicator
from sandbox.runtime.clock import Timer
from sandbox.settings import Settings

_PREFIX = "/_sandbox/layers/"
_URL_S = 3600
_REPLICATION_S = 0.5
_replicators: list[Replicator] = []
_timers: list[Timer] = []


def install(settings: Settings) -> None:
    """Answer ECR's image operations, serve layers, replicate pushes."""
    shutdown()
    mine = images.Images(settings.images)
    images.use(mine)
    replicator = Replicator(delay_s=_REPLICATION_S)
    _replicators.append(replicator)
    expiry.forget()
    _timers.append(work.every(expiry.EVERY, "images that expire", expiry.look))
    secret = secrets.token_bytes(32)

    def url_of(digest: str) -> str:
        expires = int(time.time()) + _URL_S
        return f"{settings.url}{_PREFIX}{digest}?expires={expires}&signature={_sign(secret, digest, expires)}"

    operations = Operations(mine.blobs, pushed=replicator.pushed, url_of=url_of)

    def answer(call: Call) -> Response | None:
        operation = operations.table.get(call.operation)
        if operation is None:
            return None
        try:
            document = json.loads(call.body() or b"{}")
            result = operation(call.account_id, call.region, document)
        except (KeyError, ValueError, TypeError) as error:
            raise AwsError("InvalidParameterException", f"{call.operation}: {error!r}") from error
        return Response(json.dumps(result), content_type="application/x-amz-json-1.1")

    def serve(call: Call) -> Response:
        digest = call.path.removeprefix(_PREFIX)
        expires = call.query.get("expires", "")
        good = expires.isdecimal() and hmac.compare_digest(
            call.query.get("signature", ""), _sign(secret, digest, int(expires))
        )
        if not good or int(expires) < time.time():
            raise AwsError("AccessDenied", "The address of this layer is not valid, or not any more", 403)
        path = mine.blobs.path(digest)
        headers = {"Content-Length": str(path.stat().st_size)}
        return Response(_blocks(path), headers=headers, content_type="application/octet-stream")

    on_service("ecr", answer)
    on_path(_PREFIX, serve)


def shutdown() -> None:
    """End the replication worker, and let nothing expire any more."""
    while _timers:
        _timers.pop().cancel()
    while _replicators:
        _replicators.pop().close()


def _sign(secret: bytes, digest: str, expires: int) -> str:
    return hmac.new(secret, f"{digest}:{expires}".encode(), hashlib.sha256).hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1024 * 1024):
            yield block
