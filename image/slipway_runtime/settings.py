"""Where things lie and how the server runs, from the environment that SageMaker gives a container.

Locations: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
and https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html. The SM_* variables are those of
the SageMaker training and inference toolkits; each one wins over the place below /opt/ml that it names.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ML_ROOT = Path("/opt/ml")
MODEL_PACKAGE = "slipway_model"
PAYLOAD_LIMIT = 25 * 1024 * 1024  # InvokeEndpoint takes at most 25 MB; more never reaches a container
INVOCATION_LIMIT_S = 60.0  # a container has 60 s to answer InvokeEndpoint
GRACE_S = 25  # SageMaker kills a serving container 30 s after SIGTERM


class SettingsError(Exception):
    """A variable of the container's environment has an unusable value."""


@dataclass(frozen=True)
class ServeSettings:
    """How `serve` runs. `threads` is the number of predictions at once in each worker; times are in seconds."""

    model_dir: Path
    model_package: str
    host: str
    port: int
    workers: int
    threads: int
    max_request_bytes: int
    limit_s: float
    run_as: tuple[int, int] | None = None  # user and group that the workers become
    release: str = ""  # what the answers say served them
    grace_s: int = GRACE_S  # what requests in flight have after SIGTERM
    socket: Path | None = None  # instead of host and port


def cpu_count(environ: Mapping[str, str]) -> int:
    """Return SM_NUM_CPUS, else the number of processors that this process may use."""
    if "SM_NUM_CPUS" in environ:
        return _integer(environ, "SM_NUM_CPUS", default=1, low=1, high=4096)
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def serve_settings(environ: Mapping[str, str]) -> ServeSettings:
    """Return the server's settings. Raises SettingsError that names the variable and what it takes."""
    return ServeSettings(
        model_dir=model_dir(environ),
        model_package=model_package(environ),
        host=environ.get("SLIPWAY_BIND_HOST", "0.0.0.0"),  # noqa: S104 - SageMaker calls from outside the container
        port=_integer(environ, "SAGEMAKER_BIND_TO_PORT", default=8080, low=1, high=65535),
        workers=_integer(environ, "SAGEMAKER_MODEL_SERVER_WORKERS", default=cpu_count(environ), low=1, high=256),
        threads=_integer(environ, "SLIPWAY_THREADS", default=2, low=1, high=64),
        max_request_bytes=_integer(environ, "SLIPWAY_MAX_REQUEST_BYTES", default=PAYLOAD_LIMIT, low=1, high=1024**3),
        limit_s=_seconds(environ, "SAGEMAKER_MODEL_SERVER_TIMEOUT", default=INVOCATION_LIMIT_S),
        run_as=_user(environ.get("SLIPWAY_RUN_AS", "").strip()),
        release=_release(environ.get("SLIPWAY_RELEASE", "").strip()),
        grace_s=_integer(environ, "SLIPWAY_GRACE", default=GRACE_S, low=1, high=3600),
        socket=_socket(environ.get("SLIPWAY_BIND_SOCKET", "")),
    )


def model_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder of the unpacked model archive (serving) or of the model to be saved (training)."""
    return Path(environ.get("SM_MODEL_DIR") or ML_ROOT / "model")


def model_package(environ: Mapping[str, str]) -> str:
    """Return the importable package of the model's code: slipway_model in the image, models.<name> in a checkout."""
    return environ.get("SLIPWAY_MODEL_PACKAGE") or MODEL_PACKAGE


def _integer(environ: Mapping[str, str], name: str, *, default: int, low: int, high: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise SettingsError(f"{name} is {text!r}; it takes a whole number from {low} to {high}")
    return int(text)


def _socket(text: str) -> Path | None:
    # https://man7.org/linux/man-pages/man7/unix.7.html: 108 bytes with the ending zero
    if text and (not text.startswith("/") or len(os.fsencode(text)) > 107):
        raise SettingsError(f"SLIPWAY_BIND_SOCKET is {text!r}; it takes an absolute path of at most 107 bytes")
    return Path(text) if text else None


def _release(name: str) -> str:
    # it becomes part of a header
    if not re.fullmatch(r"[a-z0-9-]{0,64}", name):
        raise SettingsError(f"SLIPWAY_RELEASE is {name!r}; it takes a release id")
    return name


def _user(name: str) -> tuple[int, int] | None:
    if not name or os.geteuid() != 0:
        return None  # who is not root cannot become anybody else, and need not
    try:
        entry = pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except KeyError as error:
        raise SettingsError(f"SLIPWAY_RUN_AS is {name!r}; there is no such user here") from error
    return (entry.pw_uid, entry.pw_gid)


def _seconds(environ: Mapping[str, str], name: str, *, default: float) -> float:
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 3600:
        raise SettingsError(f"{name} is {text!r}; it takes seconds, more than 0 and at most 3600")
    return value
