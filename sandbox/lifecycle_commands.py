"""`start`, `stop`, `status`, `logs`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from sandbox import lifecycle
from sandbox.commands import DONE, PENDING, Command
from sandbox.runtime.clock_command import line, speed
from sandbox.settings import Settings


def _start_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, help="default: SANDBOX_PORT, else 4700")
    parser.add_argument(
        "--speed", type=speed, help="AWS seconds that pass in one second; default: SANDBOX_SPEED, else 60"
    )


def _start(options: argparse.Namespace, settings: Settings) -> int:
    _, sentence = lifecycle.start(settings, speed=options.speed)
    sys.stdout.write(f"sandbox {sentence}\nTo work on it: . {settings.env_file}\nTo see it: {settings.url}/\n")
    return DONE


def _stop(options: argparse.Namespace, settings: Settings) -> int:
    del options
    sys.stdout.write(f"sandbox {lifecycle.stop(settings)}\n")
    return DONE


def _logs_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--follow", action="store_true", help="wait for more")


def _logs(options: argparse.Namespace, settings: Settings) -> int:
    for text in lifecycle.follow(settings, go_on=options.follow):
        sys.stdout.write(text)
        sys.stdout.flush()
    return DONE


def _status_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document")


def _status(options: argparse.Namespace, settings: Settings) -> int:
    found = lifecycle.status(settings)
    if options.json:
        sys.stdout.write(json.dumps(asdict(found), indent=2) + "\n")
    elif found.state == "running":
        accounts = ", ".join(f"{name} {account}" for name, account in (found.accounts or {}).items())
        sys.stdout.write(f"running: {found.url} (pid {found.pid}) since {found.started}\naccounts: {accounts}\n")
        sys.stdout.write(line(found.clock) if found.clock else "")
        sys.stdout.write(f"faults set: {found.faults} (python -m sandbox fault list)\n" if found.faults else "")
    elif found.state == "dead":
        sys.stdout.write(
            f"not running: the server of {found.started} (pid {found.pid}) ended without being stopped. "
            "What it held was in memory and is gone.\n`make sandbox` starts a fresh one.\n"
        )
    else:
        sys.stdout.write("not running. `make sandbox` starts it.\n")
    return DONE if found.state == "running" else PENDING


START = Command("start", "start the server; harmless when it runs", _start, _start_arguments)
STOP = Command("stop", "end the server and everything it started", _stop)
STATUS = Command("status", "exit code 0 when it runs, 3 when it does not", _status, _status_arguments)
LOGS = Command("logs", "print the server's log", _logs, _logs_arguments)
