"""Image config and manifest as bytes: pure functions, the same input gives the same digest.

The manifest is Docker's "Image Manifest Version 2, Schema 2", which both ECR and SageMaker take
(https://distribution.github.io/distribution/spec/manifest-v2-2/; SageMaker's images must be of that format:
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from glue.errors import SlipwayError

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
EPOCH = "1970-01-01T00:00:00Z"
ENVIRONMENT = (
    "PATH=/opt/program/bin:/usr/local/bin:/usr/bin:/bin",
    "PYTHONPATH=/opt/program:/opt/site-packages",
    "PYTHONUNBUFFERED=1",
)


@dataclass(frozen=True)
class Descriptor:
    """What a manifest says about a blob. `diff_id` is known for layers: the digest of the uncompressed tar."""

    media_type: str
    digest: str
    size: int
    diff_id: str | None = None

    def as_json(self) -> dict[str, object]:
        """Return the descriptor as a manifest holds it."""
        return {"mediaType": self.media_type, "size": self.size, "digest": self.digest}


def describe(media_type: str, data: bytes) -> Descriptor:
    """Return the descriptor of some bytes."""
    return Descriptor(media_type, f"sha256:{hashlib.sha256(data).hexdigest()}", len(data))


def config_bytes(
    layers: Sequence[Descriptor], *, architecture: str, labels: Mapping[str, str], base: Mapping[str, object]
) -> bytes:
    """Return the image config. Settings of `base` (its config, or an empty mapping) stay where we have none."""
    inherited = base.get("config")
    settings: dict[str, object] = dict(inherited) if isinstance(inherited, Mapping) else {}
    own = {name.partition("=")[0] for name in ENVIRONMENT}
    before = settings.get("Env")
    kept = [item for item in before if item.partition("=")[0] not in own] if isinstance(before, list) else []
    # SageMaker runs `docker run <image> serve`: a base's entry point or command would get in the way.
    settings.pop("Entrypoint", None)
    settings.pop("Cmd", None)
    settings |= {
        "Env": [*kept, *ENVIRONMENT],
        "ExposedPorts": {"8080/tcp": {}},
        "Labels": dict(sorted(labels.items())),
        "WorkingDir": "/opt/program",
    }
    document = {
        "architecture": architecture,
        "os": "linux",
        "created": EPOCH,
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created": EPOCH, "created_by": "slipway image build"} for _ in layers],
    }
    return _canonical(document)


def manifest_bytes(config: Descriptor, layers: Sequence[Descriptor]) -> bytes:
    """Return the manifest; its SHA-256 is the image's digest."""
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": config.as_json(),
        "layers": [layer.as_json() for layer in layers],
    }
    return _canonical(document)


def parse_manifest(data: bytes) -> tuple[Descriptor, tuple[Descriptor, ...]]:
    """Return config and layers of a manifest. Raises SlipwayError when it is not an image manifest."""
    try:
        document = json.loads(data)
        return _descriptor(document["config"]), tuple(_descriptor(layer) for layer in document["layers"])
    except (ValueError, KeyError, TypeError) as error:
        raise SlipwayError(f"this is not an image manifest: {type(error).__name__}: {error}") from error


def _descriptor(document: Mapping[str, object]) -> Descriptor:
    digest, size = str(document["digest"]), document["size"]
    if not isinstance(size, int) or len(digest) != 71 or not digest.startswith("sha256:"):
        raise ValueError(f"bad descriptor {digest}")
    return Descriptor(str(document["mediaType"]), digest, size)


def _canonical(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=True).encode()
