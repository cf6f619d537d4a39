"""What the workloads of the sandbox share: its settings, its clock, its images."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.runtime import clock as clocks
from sandbox.runtime.clock import Clock
from sandbox.settings import Settings

Rootfs = Callable[[str, str, str], Path]  # account, region, image URI -> unpacked image; LookupError
ImageConfig = Callable[[str, str, str], Mapping[str, Any]]  # the same -> OCI image config


Resolve = Callable[[str, str, str], str]  # the same -> the URI with the digest; as it is when it cannot be told


@dataclass(frozen=True)
class Limits:
    """Time limits of real work, in seconds of a wall clock."""

    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
    invocation: float = 60.0
    startup: float = 30.0  # the least that a server gets to pass its first ping, however fast the clock runs
    # SIGKILL follows SIGTERM: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
    stop: float = 30.0


@dataclass(frozen=True)
class Context:
    """Handed to everything that starts processes. `url` None: AWS is patched into this very process (tests)."""

    settings: Settings
    url: str | None
    clock: Clock
    rootfs: Rootfs
    image_config: ImageConfig
    limits: Limits = field(default_factory=Limits)
    resolve: Resolve = field(default=lambda _account, _region, uri: uri)

    @property
    def home(self) -> Path:
        """The sandbox's folder."""
        return self.settings.home


_current: list[Context] = []


def use(context: Context) -> None:
    """Make this the context of all workloads that start from now on, and its clock the one clock."""
    clocks.share(context.clock)
    _current[:] = [context]


def current() -> Context:
    """Return the context. Raises LookupError when no extension was installed."""
    if not _current:
        raise LookupError("the sandbox's runtime is not installed")
    return _current[0]


def ensure(settings: Settings) -> Context:
    """Return the context of the server with these settings, made by whoever asks first."""
    if not _current or _current[0].settings != settings or _current[0].clock.stopped:
        use(
            Context(
                settings=settings,
                url=settings.url,
                clock=clocks.begin(),
                rootfs=_rootfs,
                image_config=_image_config,
                resolve=_resolve,
            )
        )
    return current()


def _rootfs(account_id: str, region: str, uri: str) -> Path:
    return Path(importlib.import_module("sandbox.images").rootfs(account_id, region, uri))


def _image_config(account_id: str, region: str, uri: str) -> Mapping[str, Any]:
    return dict(importlib.import_module("sandbox.images").config(account_id, region, uri))


def _resolve(account_id: str, region: str, uri: str) -> str:
    del account_id, region
    return str(importlib.import_module("sandbox.images").resolve(uri))
