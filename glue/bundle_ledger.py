"""What this machine knows of bundles besides what they say themselves: origin, use, and which one an apply must match.

It lies apart from the bundles, in the work folder: a bundle that came with a cache or an artifact brings none of it.
"""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path

from glue.core.bundle import text_of
from glue.errors import RefusedError

_KEPT_S = 8 * 24 * 3600  # a bundle that is older expired long ago, and a shared one is gone


class Ledger:
    """Notes in a folder, each written at once or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, digest: str, origin: str) -> None:
        """Note where a bundle came from; what is older than any bundle is forgotten."""
        path = self._folder / "known" / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        oldest = time.time() - _KEPT_S
        for folder in (path.parent, self._folder / "used"):
            for entry in folder.glob("*"):
                if entry.stat().st_mtime < oldest:
                    entry.unlink(missing_ok=True)
        draft = path.with_name(f"{digest}.{os.getpid()}")
        draft.write_text(origin, encoding="utf-8")
        draft.replace(path)

    def origin(self, digest: str) -> str | None:
        """Return where a bundle came from, None when nobody knows."""
        try:
            return (self._folder / "known" / digest).read_text(encoding="utf-8") or None
        except OSError:
            return None

    def forget(self, digest: str) -> None:
        """Forget where a bundle came from."""
        (self._folder / "known" / digest).unlink(missing_ok=True)

    def use(self, digest: str, now: datetime) -> None:
        """Mark a bundle as used. Raises RefusedError when it is already, whoever was faster."""
        path = self._folder / "used" / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise RefusedError(f"bundle {digest[:12]} was applied already", remedy="Plan again.") from error
        with os.fdopen(descriptor, "w") as file:
            file.write(text_of(now))
            file.flush()
            os.fsync(file.fileno())

    def used(self, digest: str) -> str | None:
        """Return when a bundle was used, None when it was not."""
        path = self._folder / "used" / digest
        return (path.read_text(encoding="utf-8") or "an unknown time") if path.exists() else None

    def expect(self, stack: str, manifest: bytes | None) -> None:
        """Note the bundle that a stack's next apply must match; None asks for nothing any more."""
        path = self._expected(stack)
        if manifest is None:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_bytes(manifest)
        draft.replace(path)

    def expected(self, stack: str) -> bytes | None:
        """Return the manifest that a stack's next apply must match."""
        path = self._expected(stack)
        return path.read_bytes() if path.exists() else None

    def _expected(self, stack: str) -> Path:
        return self._folder / "expected" / f"{stack.replace('/', '-')}.json"
