"""How long a connection may take to send what it has begun: who is too slow is hung up on, and its thread is free."""

from __future__ import annotations

import contextlib
import socket
import threading
import time


class Deadlines:
    """Connections that are being read, each with the moment until which it must have sent all. Times are monotonic."""

    def __init__(self) -> None:
        self._until: dict[socket.socket, float] = {}
        self._lock = threading.Lock()

    def begin(self, connection: socket.socket, seconds: float) -> None:
        """Give a connection so many seconds from now."""
        with self._lock:
            self._until[connection] = time.monotonic() + seconds

    def end(self, connection: socket.socket) -> bool:
        """Forget a connection, and tell whether it was in time."""
        with self._lock:
            return self._until.pop(connection, None) is not None

    def expire(self) -> None:
        """End the reading of connections that are too late: their readers see the end of what was sent."""
        now = time.monotonic()
        with self._lock:
            late = [connection for connection, until in self._until.items() if until < now]
            for connection in late:
                del self._until[connection]
        for connection in late:
            with contextlib.suppress(OSError):  # it may be gone by itself
                connection.shutdown(socket.SHUT_RD)
