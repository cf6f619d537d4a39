"""Loads a model's handler and turns one request into one answer, whatever the handler does.

A handler module has `model_fn(model_dir)`, `input_fn(body, content_type)`, `predict_fn(data, model)` and
`output_fn(prediction, accept)`: the words of SageMaker's inference toolkit
(https://sagemaker.readthedocs.io/en/stable/frameworks/pytorch/using_pytorch.html#serve-a-pytorch-model). When the model
archive holds `code/inference.py`, its functions win over the image's, one by one.

Whose fault an error is: an exception with an integer attribute `status` from 400 to 499 is the caller's, and so is any
ValueError of `input_fn` (400). Everything else is the model's (500). The caller gets a reason, never a traceback.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from . import log

FUNCTIONS = ("model_fn", "input_fn", "predict_fn", "output_fn")
JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. `error` is what goes into the log, with its traceback, for the model's own errors."""

    status: int
    content_type: str
    body: bytes
    reason: str | None = None
    error: BaseException | None = None


def refusal(status: int, reason: str, error: BaseException | None = None) -> Answer:
    """Return an answer that says what is wrong: `{"error": {"status": 400, "reason": "…"}}`."""
    body = json.dumps({"error": {"status": status, "reason": reason}}, ensure_ascii=True).encode()
    return Answer(status, JSON, body, reason=reason, error=error)


class HandlerError(Exception):
    """The handler cannot be used: not importable, or a function is missing."""


class Handler:
    """A loaded model with its four functions. Use `load_handler` to make one."""

    def __init__(self, functions: dict[str, Callable[..., object]], model: object) -> None:
        self._functions = functions
        self._model = model

    def answer(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Return the answer to one request. Never raises: errors become 4xx and 5xx answers with a reason."""
        try:
            data = self._functions["input_fn"](body, content_type)
        except Exception as error:  # noqa: BLE001 - model code may raise anything
            return _blame(error, in_input=True)
        try:
            prediction = self._functions["predict_fn"](data, self._model)
            return _encoded(self._functions["output_fn"](prediction, accept), accept)
        except Exception as error:  # noqa: BLE001 - model code may raise anything
            return _blame(error, in_input=False)


def load_handler(package: str, model_dir: Path) -> Handler:
    """Import the handler and load the model. Raises HandlerError, or whatever `model_fn` raises."""
    override = model_dir / "code" / "inference.py"
    modules = [_import_file(override)] if override.is_file() else []
    if not all(hasattr(module, name) for module in modules for name in FUNCTIONS) or not modules:
        modules.append(_import_builtin(package))
    functions = {name: _function(modules, name) for name in FUNCTIONS}
    return Handler(functions, functions["model_fn"](str(model_dir)))


def _import_builtin(package: str) -> ModuleType:
    name = f"{package}.inference"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise HandlerError(f"the image has no handler {name}: {error}") from error


def _import_file(path: Path) -> ModuleType:
    # The archive's code folder may hold helper modules: it goes on the path, before the image's packages.
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("archive_inference", path)
    if spec is None or spec.loader is None:
        raise HandlerError(f"cannot import {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _function(modules: list[ModuleType], name: str) -> Callable[..., object]:
    for module in modules:
        function = getattr(module, name, None)
        if callable(function):
            return function  # type: ignore[no-any-return]  # any callable will do; its answer is checked
    raise HandlerError(f"{modules[0].__name__} has no function {name}")


def _blame(error: Exception, *, in_input: bool) -> Answer:
    status = getattr(error, "status", None)
    if isinstance(status, int) and 400 <= status <= 499:
        return refusal(status, " ".join(str(error).split())[:500] or type(error).__name__)
    if in_input and isinstance(error, (ValueError, RecursionError)):
        return refusal(400, log.describe(error))
    return refusal(500, log.describe(error), error)


def _encoded(output: object, accept: str) -> Answer:
    content_type: object = accept.split(",", maxsplit=1)[0].strip() or JSON
    if isinstance(output, tuple) and len(output) == 2:
        output, content_type = output
    body = output.encode() if isinstance(output, str) else output
    if not isinstance(body, (bytes, bytearray)) or not isinstance(content_type, str):
        raise TypeError(f"output_fn returned {type(output).__name__}, not bytes or text with a content type")
    if "*" in content_type or not content_type.isprintable():
        content_type = JSON
    return Answer(200, content_type, bytes(body))
