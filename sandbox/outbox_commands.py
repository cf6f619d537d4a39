"""`python -m sandbox outbox`: what was mailed."""

from __future__ import annotations

import argparse
import json
import sys

from sandbox.commands import DONE, Command
from sandbox.events import mail
from sandbox.settings import Settings


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--last", type=int, help="only so many, the newest")


def _run(options: argparse.Namespace, settings: Settings) -> int:
    mails = mail.read(settings.home / "outbox", newest=options.last)
    sys.stdout.write(json.dumps(mails, indent=2) + "\n" if options.json else mail.told(mails))
    return DONE


OUTBOX = Command("outbox", "print the mails that topics sent, newest first", _run, _arguments)
