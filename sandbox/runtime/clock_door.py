"""The clock over HTTP: `/_sandbox/clock`, for `python -m sandbox clock`."""

from __future__ import annotations

from werkzeug.wrappers import Response

from sandbox import admin
from sandbox.calls import Call
from sandbox.errors import SandboxError
from sandbox.runtime import clock
from sandbox.settings import Settings


def install(settings: Settings) -> None:
    """Answer GET with what the clock says; POST {"speed": n} changes its speed, for whoever has the token."""

    def answer(call: Call) -> Response:
        shared = clock.shared()
        if call.method == "POST":
            try:
                shared.set_speed(float(admin.body_of(call)["speed"]))
            except (ValueError, KeyError, TypeError) as error:
                raise SandboxError(f"speed: {error}") from error
        return admin.answer(shared.describe())

    admin.on_path(settings, "/_sandbox/clock", answer)
