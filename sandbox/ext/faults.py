"""`/_sandbox/faults`: which faults are set, and setting them."""

from __future__ import annotations

from werkzeug.wrappers import Response

from sandbox import admin, board, faults
from sandbox.calls import Call
from sandbox.errors import SandboxError
from sandbox.faults import requests
from sandbox.faults.command import PATH
from sandbox.settings import Settings


def install(settings: Settings) -> None:
    """Begin without faults; answer the address, show them on the page."""
    registry = faults.use(faults.started(settings.home / "faults.jsonl"))
    requests.begin()

    def answer(call: Call) -> Response:
        if call.method in {"GET", "HEAD"}:
            return admin.answer(faults.describe())
        document = admin.body_of(call)
        if not isinstance(document, dict):
            raise SandboxError("the request is a JSON object")
        if call.method == "DELETE":
            identity = document.get("id")
            return admin.answer({"cleared": registry.clear(identity if identity is None else str(identity))})
        if call.method != "POST" or not isinstance(document.get("faults"), list):
            raise SandboxError('POST {"faults": [...]} sets faults, DELETE {"id": ...} takes one back, DELETE {} all')
        made = {one.id for one in registry.add(document["faults"])}
        return admin.answer({"faults": [one for one in registry.describe() if one["id"] in made]})

    admin.on_path(settings, PATH, answer)
    board.register("faults", faults.describe)


def shutdown() -> None:
    """End every wait that a fault holds."""
    requests.stop()
