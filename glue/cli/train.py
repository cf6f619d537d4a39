"""`slipway train`: jobs into the training queue, what became of them, and how the queue did."""

from __future__ import annotations

import click

from glue.cli.train_jobs import cancel, logs, show
from glue.cli.train_jobs import list_ as newest
from glue.cli.train_repair import redrive, release
from glue.cli.train_report import report
from glue.cli.train_submit import submit


@click.group(short_help="Train through the queue: submit jobs, see them, report.")
def train() -> None:
    """Train through the queue of an environment: submit jobs and forget them, see what became of them, report."""


for command in (submit, newest, show, cancel, logs, redrive, release, report):
    train.add_command(command)
