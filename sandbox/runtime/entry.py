"""How a job's container is started without a container: its command, and what /opt/ml is to its program.

There is no chroot without privileges, so that /opt/ml of a job is a folder of its own. Programs find it by the SM_*
variables of SageMaker's toolkits; where a job itself says /opt/ml, in its arguments or the values of its variables, the
folder is put in its place.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.runtime import programs
from sandbox.runtime.context import Context
from sandbox.runtime.programs import Image, ImageError

ML = "/opt/ml"
_ML = re.compile(r"(?<![A-Za-z0-9._/-])/opt/ml(?=/|$|[^A-Za-z0-9._-])")
_PYTHON = re.compile(r"python(3(\.\d+)?)?")


def mapped(text: str, root: Path) -> str:
    """Return a text with the job's folder wherever it says /opt/ml."""
    return _ML.sub(lambda _: str(root), text)


def mapped_values(values: Mapping[str, str] | None, root: Path) -> dict[str, str]:
    """Return variables whose values name the job's folder."""
    return {name: mapped(value, root) for name, value in (values or {}).items()}


def command(
    context: Context,
    image: Image,
    *,
    entrypoint: Sequence[str] | None,
    arguments: Sequence[str] | None,
    default: str | None,
) -> list[str]:
    """Return how to start the program, as `docker run` would, or the image's program `default` when nothing is said.

    /opt/ml is not yet mapped in it. Raises ImageError when there is no such program.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AlgorithmSpecification.html
    """
    if default is not None and not entrypoint and not arguments:
        return programs.command(context, image, default)
    words = [*(entrypoint or image.entrypoint), *(arguments or (() if entrypoint else image.arguments))]
    if not words:
        raise ImageError(f"The image '{image.uri}' has no entry point, and the job names none.")
    return [*_program(context, image, words[0]), *(_rooted(image, word) for word in words[1:])]


def _program(context: Context, image: Image, word: str) -> list[str]:
    name = Path(word).name
    if _PYTHON.fullmatch(name):
        return [str(context.settings.python), "-S"]
    found = _rooted(image, word) if word.startswith("/") else str(image.program(word) or word)
    path = shutil.which(found, path=programs.SYSTEM_PATH)
    if path is None:
        raise ImageError(f"The image '{image.uri}' has no program '{word}'.")
    with Path(path).open("rb") as file:
        is_python = b"python" in file.readline(256)
    return [str(context.settings.python), "-S", path] if is_python else [path]


def _rooted(image: Image, word: str) -> str:
    """An absolute path that the image has lies below its root here."""
    inside = image.rootfs / word.lstrip("/")
    return str(inside) if word.startswith("/") and word != "/" and inside.exists() else word
