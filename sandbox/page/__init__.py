"""The page at the sandbox's root: one document without any external part, made of the files of this folder.

What it shows comes from `/_sandbox/board` (`sandbox/board.py`). All of that may be hostile: the script sets it as text
only, and the policy below forbids every script and style but the page's own two, whatever got in.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Page:
    """The document and the headers that it needs."""

    body: bytes
    headers: dict[str, str]


@cache
def page() -> Page:
    """Return the page. Its policy allows its own script and style by their hashes, and asks only us."""
    style = _text("style.css")
    script = '"use strict";\n' + _text("dom.js") + _text("board.js")
    body = _text("index.html").replace("/*STYLE*/", style).replace("/*SCRIPT*/", script)
    policy = (
        "default-src 'none'",
        f"script-src {_hash(script)}",
        f"style-src {_hash(style)}",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "; ".join(policy),
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
    return Page(body.encode(), headers)


def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
