"""`python -m sandbox <command>`: start and stop the sandbox, look at it, make it misbehave."""

from __future__ import annotations

import argparse
import sys

from sandbox import lifecycle_commands
from sandbox.commands import DONE, FAILED, Command
from sandbox.errors import SandboxError
from sandbox.faults import command as faults_command
from sandbox.oidc.command import TOKEN
from sandbox.outbox_commands import OUTBOX
from sandbox.runtime.clock_command import CLOCK
from sandbox.settings import from_environment

# A new sub-command is one entry here: its module says what it takes and what it does.
COMMANDS: tuple[Command, ...] = (
    lifecycle_commands.START,
    lifecycle_commands.STOP,
    lifecycle_commands.STATUS,
    lifecycle_commands.LOGS,
    OUTBOX,
    CLOCK,
    faults_command.FAULT,
    TOKEN,
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Exit codes: 0 done or running, 1 failed, 2 usage, 3 not running (`status` only)."""
    parser = _parser()
    options = parser.parse_args(arguments)
    command: Command = options.chosen
    try:
        settings = from_environment(port=getattr(options, "port", None))
    except ValueError as error:
        parser.error(str(error))
    try:
        return command.run(options, settings)
    except SandboxError as error:
        sys.stderr.write(f"error: {error}\n" + (f"  {error.remedy}\n" if error.remedy else ""))
        return FAILED
    except OSError as error:
        sys.stderr.write(f"error: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        return DONE if command is lifecycle_commands.LOGS else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Three AWS accounts on this machine.")
    parsers = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        one = parsers.add_parser(command.name, help=command.help, description=command.help)
        command.arguments(one)
        one.set_defaults(chosen=command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
