"""gunicorn's threaded worker, with what it lacks without a proxy in front: deadlines for slow senders, a prompt stop.

A sender that says nothing would hold a thread for five seconds, one that begins a header and pauses for ever; a few of
them are the whole worker, /ping too.
After SIGTERM the worker keeps its copy of the listening socket, so that new callers would wait, not be refused.
"""

from __future__ import annotations

import selectors
import time
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

HEADER_S = 10.0


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no type hints
    """One process of the server. Its application has `deadlines`."""

    def enqueue_req(self, conn: TConn) -> None:
        """Give a connection a thread once it has sent something."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: TConn) -> Any:
        """Read a request within HEADER_S, and answer it."""
        self.wsgi.deadlines.begin(conn.sock, HEADER_S)
        try:
            return super().handle(conn)
        finally:
            self.wsgi.deadlines.end(conn.sock)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answer a request whose header has come."""
        self.wsgi.deadlines.end(conn.sock)
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """Every second: hang up on connections that are too slow; once stopping, on those that have sent nothing."""
        if not self.alive:
            for conn in self.pending_conns:
                conn.timeout = 0.0
        super().murder_pending()
        self.wsgi.deadlines.expire()

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take new connections or not; once stopping, refuse them."""
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                listener.close()
