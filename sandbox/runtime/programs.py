"""Runs a program of an image without Docker: from the image's unpacked layers, in the image's own environment."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.ecr.models import ecr_backends

from sandbox import workloads
from sandbox.runtime.context import Context
from sandbox.runtime.logs import LogStream

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class Image:
    """An image of the sandbox's ECR, ready to run."""

    uri: str
    rootfs: Path
    environment: Mapping[str, str]
    entrypoint: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()

    def program(self, name: str) -> Path | None:
        """Return where the image has this program on its PATH, or None."""
        for folder in self.environment.get("PATH", "").split(":"):
            candidate = Path(folder) / name
            if folder.startswith(str(self.rootfs)) and candidate.is_file():
                return candidate
        return None


class ImageError(Exception):
    """The image cannot be pulled, or lacks the program that SageMaker starts."""


def pull(context: Context, *, account_id: str, region: str, uri: str) -> Image:
    """Return the image. Raises ImageError in SageMaker's words when the account's registry does not have it."""
    _check_grant(account_id, region, uri)
    try:
        rootfs = context.rootfs(account_id, region, uri)
        config = context.image_config(account_id, region, uri)
    except LookupError as error:
        raise ImageError(f"The image '{uri}' does not exist.") from error
    own: Mapping[str, Any] = config.get("config") or config
    variables = dict(item.partition("=")[::2] for item in own.get("Env") or [])
    return Image(
        uri,
        rootfs,
        {key: _rooted(rootfs, value) for key, value in variables.items()},
        tuple(own.get("Entrypoint") or ()),
        tuple(own.get("Cmd") or ()),
    )


def _check_grant(account_id: str, region: str, uri: str) -> None:
    """An image of another account needs that repository's policy.

    https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-containers-inference-private.html
    """
    host, _, path = uri.partition("/")
    owner = host.partition(".")[0]
    if owner == account_id or not owner.isdecimal():
        return
    name = re.split("[:@]", path)[0]
    repository: Any = ecr_backends[owner][region].repositories.get(name)
    policy = str(getattr(repository, "policy", None) or "")
    if repository is not None and not any(word in policy for word in (account_id, "sagemaker.amazonaws.com", '"*"')):
        raise ImageError(
            f"The repository of your image {uri} does not grant ecr:GetDownloadUrlForLayer, ecr:BatchGetImage, "
            "ecr:BatchCheckLayerAvailability permission to sagemaker.amazonaws.com service principal."
        )


def command(context: Context, image: Image, name: str) -> list[str]:
    """Return how to start the image's program: Python programs with the base interpreter, without its packages.

    Raises ImageError when the image has no such program (SageMaker runs `docker run <image> serve` or `train`:
    https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html).
    """
    program = image.program(name)
    if program is None:
        raise ImageError(f"The image '{image.uri}' has no program '{name}' on its PATH.")
    with program.open("rb") as file:
        is_python = b"python" in file.readline(256)
    return [str(context.settings.python), "-S", str(program)] if is_python else [str(program)]


def environment(
    image: Image, *, home: Path, role: Mapping[str, str], container: Mapping[str, str], own: Mapping[str, str]
) -> dict[str, str]:
    """Return the whole environment: the image's, the role's credentials, the container's, the platform's own."""
    base = {"HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "SM_NUM_CPUS": "1"}
    merged = {**base, **image.environment, **role, **container, **own}
    merged["PATH"] = ":".join(filter(None, [image.environment.get("PATH", ""), SYSTEM_PATH]))
    return merged


def start(
    context: Context,
    argv: list[str],
    *,
    name: str,
    env: Mapping[str, str],
    cwd: Path,
    log: LogStream,
    listen: Callable[[str | None], None] | None = None,
) -> subprocess.Popen[bytes]:
    """Start the program; each line that it prints goes to the log stream. Raises OSError.

    `listen` gets each line, too, and None after the last.
    """
    process = workloads.start(
        context.settings, argv, name=name, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    pump = threading.Thread(target=_pump, args=(process, log, listen), name=f"log {name}", daemon=True)
    pump.start()
    return process


def _pump(process: subprocess.Popen[bytes], log: LogStream, listen: Callable[[str | None], None] | None) -> None:
    if process.stdout is None:
        return
    with process.stdout as lines:
        for raw in lines:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            log.write([line])
            if listen is not None:
                listen(line)
    if listen is not None:
        listen(None)


def _rooted(rootfs: Path, value: str) -> str:
    """Paths of an image's variables lie below its root here: there is no chroot without privileges."""
    parts: Iterable[str] = value.split(":")
    return ":".join(f"{rootfs}{part}" if part.startswith("/") else part for part in parts)
