"""The page and a board in a process of its own: `python -m tests.sandbox_page.small_server PORT`."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sandbox.page import page

from .board_data import DEV, PRODUCTION, QA, busy

BOARD = {"server": {"accounts": {"dev": DEV, "qa": QA, "production": PRODUCTION}}, "parts": busy(), "failed": {}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        found = page()
        body = found.body if self.path == "/" else json.dumps(BOARD).encode()
        headers = found.headers if self.path == "/" else {"Content-Type": "application/json"}
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
