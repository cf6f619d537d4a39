"""The clock over HTTP: `/_sandbox/clock`, for `python -m sandbox clock` and the page."""

from __future__ import annotations

import json

from werkzeug.wrappers import Response

from sandbox import door
from sandbox.calls import Call
from sandbox.errors import AwsError
from sandbox.runtime import clock
from sandbox.settings import Settings


def install(settings: Settings) -> None:
    """Answer GET with what the clock says; POST {"speed": n} changes its speed.

    A POST names this server's run in `X-Sandbox-Run`, so that no web page in a browser here can do it by accident.
    """

    def answer(call: Call) -> Response:
        shared = clock.shared()
        if call.method == "POST":
            if call.headers.get("x-sandbox-run") != settings.run_id:
                raise AwsError("AccessDenied", "X-Sandbox-Run must name the run that server.json names", 403)
            try:
                shared.set_speed(float(json.loads(call.body() or b"{}")["speed"]))
            except (ValueError, KeyError, TypeError) as error:
                raise AwsError("ValidationException", f"speed: {error}") from error
        return Response(json.dumps(shared.describe()), content_type="application/json")

    door.on_path("/_sandbox/clock", answer)
