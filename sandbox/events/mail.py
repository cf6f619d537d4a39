"""The outbox: each mail that AWS would have sent is a JSON file in `.sandbox/outbox/`, in the order of sending."""

from __future__ import annotations

import itertools
import json
import threading
from pathlib import Path
from typing import Any

from sandbox.events import work

SENDER = "AWS Notifications <no-reply@sns.amazonaws.com>"
_folders: list[Path] = []
_numbers = itertools.count(1)
_lock = threading.Lock()


def use(folder: Path) -> None:
    """Put mails into this folder from now on. Those of an earlier server go, as its topics are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    with _lock:
        _folders[:] = [folder]


def send(*, account: str, to: str, subject: str, body: str, about: str) -> Path:
    """Write one mail; returns its file. `about`: the ARN that it comes from."""
    with _lock:
        moment = work.stamp()
        name = f"{moment.replace('-', '').replace(':', '')}-{next(_numbers):06d}.json"
        mail = {
            "time": moment,
            "account": account,
            "from": SENDER,
            "to": to,
            "subject": " ".join(subject.splitlines())[:998],
            "body": body,
            "about": about,
        }
        target = _folders[0] / name
        half = target.with_suffix(".half")
        half.write_text(json.dumps(mail, indent=2, ensure_ascii=False) + "\n")
        half.replace(target)
        return target


def read(folder: Path, *, newest: int | None = None) -> list[dict[str, Any]]:
    """Return the mails of a folder, newest first; only so many when `newest` says so."""
    files = sorted(folder.glob("*.json"), key=lambda one: one.name.rpartition("-")[2], reverse=True)
    return [json.loads(file.read_text()) for file in files[:newest]]


def recent(count: int) -> list[dict[str, Any]]:
    """Return the last mails of this server, newest first."""
    return read(_folders[0], newest=count) if _folders else []


def told(mails: list[dict[str, Any]]) -> str:
    """Return mails as a person reads them."""
    parts = [
        f"Date: {one['time']}\nFrom: {one['from']}\nTo: {one['to']}\n"
        f"Subject: {one['subject']}\n\n{one['body'].rstrip()}\n"
        for one in mails
    ]
    return ("\n" + "-" * 78 + "\n").join(parts) if parts else "no mails\n"
