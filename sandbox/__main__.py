"""`python -m sandbox start|stop|status|logs`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from sandbox import lifecycle
from sandbox.errors import SandboxError
from sandbox.settings import Settings, from_environment

DONE, FAILED, USAGE, PENDING = 0, 1, 2, 3


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Exit codes: 0 done or running, 1 failed, 2 usage, 3 not running (`status` only)."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        settings = from_environment(port=getattr(options, "port", None))
    except ValueError as error:
        parser.error(str(error))
    try:
        return _run(options, settings)
    except SandboxError as error:
        sys.stderr.write(f"error: {error}\n" + (f"  {error.remedy}\n" if error.remedy else ""))
        return FAILED
    except OSError as error:
        sys.stderr.write(f"error: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        return DONE if options.command == "logs" else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Three AWS accounts on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="start the server; harmless when it runs")
    start.add_argument("--port", type=int, help="default: SANDBOX_PORT, else 4700")
    commands.add_parser("stop", help="end the server and everything it started")
    status = commands.add_parser("status", help="exit code 0 when it runs, 3 when it does not")
    status.add_argument("--json", action="store_true", help="one JSON document")
    logs = commands.add_parser("logs", help="print the server's log")
    logs.add_argument("--follow", action="store_true", help="wait for more")
    return parser


def _run(options: argparse.Namespace, settings: Settings) -> int:
    if options.command == "start":
        _, sentence = lifecycle.start(settings)
        sys.stdout.write(f"sandbox {sentence}\nTo work on it: . {settings.env_file}\n")
        return DONE
    if options.command == "stop":
        sys.stdout.write(f"sandbox {lifecycle.stop(settings)}\n")
        return DONE
    if options.command == "logs":
        for line in lifecycle.follow(settings, go_on=options.follow):
            sys.stdout.write(line)
            sys.stdout.flush()
        return DONE
    return _status(lifecycle.status(settings), as_json=options.json)


def _status(found: lifecycle.Status, *, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(json.dumps(asdict(found), indent=2) + "\n")
    elif found.state == "running":
        accounts = ", ".join(f"{name} {account}" for name, account in (found.accounts or {}).items())
        sys.stdout.write(f"running: {found.url} (pid {found.pid}) since {found.started}\naccounts: {accounts}\n")
    elif found.state == "dead":
        sys.stdout.write(
            f"not running: the server of {found.started} (pid {found.pid}) ended without being stopped. "
            "What it held was in memory and is gone.\n`make sandbox` starts a fresh one.\n"
        )
    else:
        sys.stdout.write("not running. `make sandbox` starts it.\n")
    return DONE if found.state == "running" else PENDING


if __name__ == "__main__":
    sys.exit(main())
