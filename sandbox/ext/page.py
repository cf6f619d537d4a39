"""The page at `/`, for browsers, and what it reads at `/_sandbox/board`.

S3's ListBuckets is a GET of the same address, signed: it goes on to S3.
"""

from __future__ import annotations

import time

from werkzeug.wrappers import Response

from sandbox import admin, board, door
from sandbox.calls import Call
from sandbox.iam import denials
from sandbox.page import page
from sandbox.settings import APPLICATION_ACCOUNT, PEOPLE_ACCOUNT, Settings


def install(settings: Settings) -> None:
    """Answer browsers at the root, and the page's question for the state of everything."""
    began = time.time()
    about = {
        "url": settings.url,
        "env": str(settings.env_file),
        "accounts": dict(settings.accounts),
        "others": {"application": APPLICATION_ACCOUNT, "people": PEOPLE_ACCOUNT},
    }

    def answer(call: Call) -> Response:
        del call
        server = {**about, "uptime_s": round(time.time() - began, 1)}
        return admin.answer({"server": server, **board.snapshot()})

    def root(call: Call) -> Response | None:
        if not for_browsers(call):
            return None
        if admin.foreign(settings, call):
            return admin.answer({"error": "this page answers under the sandbox's own host name only"}, 403)
        return Response(page().body, headers=page().headers)

    admin.on_path(settings, "/_sandbox/board", answer)
    door.on_path("/", root)
    board.register("denials", denials.last)


def for_browsers(call: Call) -> bool:
    """Return whether a request is a browser's for the page: GET or HEAD of the root, unsigned, for a web page."""
    if call.path != "/" or call.method not in {"GET", "HEAD"} or call.query:
        return False
    signed = bool(call.access_key_id) or "authorization" in call.headers
    return not signed and "text/html" in call.headers.get("accept", "")
