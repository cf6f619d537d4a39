"""`python -m sandbox.demo`: starts the sandbox if need be, tells the story, and leaves a report."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from sandbox import lifecycle
from sandbox.demo.meter import Meter
from sandbox.demo.report import Report
from sandbox.demo.shell import ROOT, Shell, StepError, sourced
from sandbox.demo.show import Show
from sandbox.demo.story import Story
from sandbox.errors import SandboxError
from sandbox.settings import Settings, from_environment


def main() -> int:
    """Return 0 only if the story came to its end and every check held."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the sandbox running")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "demo", help="where the report goes")
    options = parser.parse_args()
    settings = from_environment()
    show = Show()
    ran_before = lifecycle.status(settings).state == "running"
    try:
        _, sentence = lifecycle.start(settings)
    except SandboxError as error:
        sys.stderr.write(f"error: {error}\n" + (f"  {error.remedy}\n" if error.remedy else ""))
        return 1
    show.note(f"sandbox {sentence}")
    try:
        return tell(settings, show, options.output)
    finally:
        if options.keep or ran_before:
            show.note(
                f"The sandbox goes on running: `source {os.path.relpath(settings.env_file)}`, `make sandbox-down`"
            )
        else:
            lifecycle.stop(settings)


def tell(settings: Settings, show: Show, output: Path) -> int:
    """Tell the story on a running sandbox and write the report, also when the story breaks off."""
    output.mkdir(parents=True, exist_ok=True)
    log = output / "log.txt"
    log.write_text("")
    environment = sourced(settings.env_file)
    os.environ.clear()
    os.environ.update(environment)
    report = Report(show=show, meter=Meter(settings.requests_log))
    story = Story(shell=Shell(environment, log), report=report, output=output)
    try:
        story.tell()
    except (StepError, BotoCoreError, ClientError) as error:
        show.note(f"{error}\nEverything that was printed: {log}")
        report.check("the story came to its end", False, str(error).splitlines()[0])
    path = report.write(output)
    show.closing(report.document(), path)
    return 0 if report.passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
