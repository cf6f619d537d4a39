"""The command's entry point: finds the subcommand, and turns errors into messages and exit codes."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from itertools import pairwise

import click

from glue.errors import SlipwayError

EXIT_CODES = "Exit codes: 0 done or nothing to do, 1 failed, 2 usage, 3 refused or pending."

# Name, where it is, and its help in a line: importing the commands for --help alone would cost more than it says.
COMMANDS = {
    "release": ("glue.cli.release:release", "Make releases, list them, approve them."),
    "promote": ("glue.cli.promote:promote", "Bring a release to the next environment."),
    "render": ("glue.cli.render:render", "Write a new revision into an endpoint's revisions file."),
    "review": ("glue.cli.review:review", "Say what plans will do, and how dangerous that is."),
    "comment": ("glue.cli.comment:comment", "Post a review as one comment, or update it."),
    "plan": ("glue.cli.stacks:plan", "Plan with Terraform, and save the plan."),
    "apply": ("glue.cli.stacks:apply", "Apply exactly the saved plan."),
    "bundle": ("glue.cli.bundle:bundle", "Hand plans from job to job, and approve them."),
    "verify": ("glue.cli.verify:verify", "Compare what is live with what is wanted; ask the golden requests."),
    "rollback": ("glue.cli.rollback:rollback", "Move an endpoint back to a retained revision."),
    "abort": ("glue.cli.abort:abort", "End a deployment that is under way: SageMaker rolls it back."),
    "traffic": ("glue.cli.traffic:traffic", "Show how traffic is shared among variants, or shift it."),
    "shadow": ("glue.cli.shadow:shadow", "Compare a shadow variant with the one that answers."),
    "status": ("glue.cli.status:status", "Show what is live, in every environment."),
    "feedback": ("glue.cli.feedback:feedback", "Say what became of an endpoint's answers: labels."),
    "monitor": ("glue.cli.monitor:monitor", "Show what the drift monitor of an endpoint says."),
    "dataset": ("glue.cli.dataset:dataset", "Make training sets from captured requests and labels."),
    "train": ("glue.cli.train:train", "Train through the queue: submit jobs, see them, report."),
    "history": ("glue.cli.history:history", "Show who did what to an endpoint, and how it ended."),
    "prune": ("glue.cli.prune:prune", "Remove revisions, releases and images that nobody needs."),
    "doctor": ("glue.cli.doctor:doctor", "Look for what is missing on this machine and in the accounts."),
    "models": ("glue.cli.models:models", "Say which models a range of commits touches."),
    "drift": ("glue.cli.drift:drift", "Look for what changed outside of Terraform, and what nobody applied."),
    "touched": ("glue.cli.touched:touched", "Say which stacks a range of commits touches."),
    "image": ("glue.cli.image:image", "Build, push, promote and serve the golden image."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of COMMANDS: the order of a day's work."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command, None when there is none of this name."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        found = getattr(importlib.import_module(module), attribute)
        if not isinstance(found, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name][0]} is not a command")
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="slipway", prog_name="slipway")
def cli() -> None:
    """Take models to production on SageMaker: what Terraform cannot declare."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code. A bug keeps its traceback (exit 1)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = cli.main(args=words, prog_name="slipway", standalone_mode=False)
    except SlipwayError as error:
        return _fail(words, error.message, error.remedy, error.exit_code)
    except click.UsageError as error:
        hint = f"Try `{error.ctx.command_path} --help`." if error.ctx else None
        return _fail(words, error.format_message(), hint, 2)
    except click.ClickException as error:
        return _fail(words, error.format_message(), None, error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _fail(words, "stopped; nothing more was done", None, 1)
    except BrokenPipeError:
        # the reader has seen enough, as `head` does
        sys.stderr.close()
        return 1
    return code if isinstance(code, int) else 0


def _fail(words: Sequence[str], message: str, remedy: str | None, exit_code: int) -> int:
    """Tell an error on stderr, and as the one JSON document of stdout where that was asked for."""
    sys.stderr.write(f"Error: {message}\n" + (f"  {remedy}\n" if remedy else ""))
    if _wants_json(words):
        document = {"error": {"message": message, "remedy": remedy, "exit_code": exit_code}}
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return exit_code


def _wants_json(words: Sequence[str]) -> bool:
    return "--format=json" in words or ("--format", "json") in pairwise(words)


if __name__ == "__main__":
    sys.exit(main())
