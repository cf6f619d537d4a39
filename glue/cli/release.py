"""`slipway release`: making, listing, showing and approving releases."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result, Table
from glue.errors import UsageError

if TYPE_CHECKING:
    from glue.aws.session import Session
    from glue.core.environment import Environment
    from glue.core.request import ReleaseRequest

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(short_help="Make releases, list them, approve them.")
def release() -> None:
    """Make releases, list them, show them, approve them."""


@release.command()
@options.environment
@click.option("--model", required=True, help="Model that it is a release of.")
@click.option("--archive", required=True, help="Model archive: a path, or s3://bucket/key (a training output).")
@click.option("--image", required=True, help="Image in the environment's registry: a tag, a digest, or a URI.")
@click.option("--source-archive", help="Archive with the code: a path, or s3://bucket/key.")
@click.option("--golden", type=_FILE, help="Golden requests. [default: golden/requests.json in the archive]")
@click.option("--without-golden", is_flag=True, help="Make a release that cannot be verified by requests.")
@click.option("--metrics", type=_FILE, help="Metrics. [default: metrics.json in the archive]")
@click.option("--baseline", type=_FILE, help="Baseline for the monitor. [default: baseline.json in the archive]")
@click.option("--training", type=_FILE, help="JSON object that tells how it was trained.")
@click.option("--container-env", multiple=True, metavar="NAME=VALUE", help="Variable of the container; repeatable.")
@click.option("--commit", help="Git commit. [default: the checkout's]")
@options.command(dry_run=True)
def create(app: App, *, environment: str, **settings: Any) -> Result:
    """Make a release: an immutable bundle with a manifest. The same content again is the same release."""
    from glue.registering import registered
    from glue.releasing import create_release, plan_release

    where = app.estate.environment(environment)
    request = _request(app, settings)
    session = app.accounts.session(where)
    session.parameters.foundation(where).model(request.model)
    plan = plan_release(request, session=session, clock=lambda: datetime.now(UTC))
    if app.dry_run:
        line = f"Dry run: would make {plan.release.release}" if not plan.exists else f"{plan.release.release} is there"
        return Result(_created(plan.release, changed=False), lines=(line,))
    made = create_release(plan, session=session)
    registered(session, made.release)
    for note in made.notes:
        app.console.say(note)
    size = made.uploaded_bytes + made.copied_bytes
    done = f"{made.release.release}: {len(made.release.files)} files, {size} bytes"
    again = f"{made.release.release} was there and lacked files: {size} bytes were brought again"
    same = f"Nothing to do: this content is {made.release.release} already."
    return Result(
        _created(made.release, changed=made.created or size > 0)
        | {"uploaded_bytes": made.uploaded_bytes, "copied_bytes": made.copied_bytes},
        lines=(done if made.created else again if size else same,),
    )


@release.command(name="list")
@options.environment
@click.option("--model", help="One model. [default: all]")
@options.command()
def list_(app: App, *, environment: str, model: str | None) -> Result:
    """List the releases in an environment's store, the newest first."""
    from glue.releases import list_releases

    session = app.accounts.session(app.estate.environment(environment))
    found = list_releases(session.artifacts(), model)
    rows = [(entry.release, entry.model, entry.created, "yes" if entry.complete else "NO") for entry in found]
    return Result(
        {"command": "release list", "env": environment, "releases": [entry.__dict__ for entry in found]},
        lines=(f"{len(found)} releases in {environment}.",),
        tables=(Table(("release", "model", "created", "complete"), rows),),
    )


@release.command()
@click.argument("release_id", metavar="RELEASE")
@options.environment
@options.command()
def show(app: App, *, release_id: str, environment: str) -> Result:
    """Show a release's manifest, after every file was compared with it."""
    from glue.releases import load_release

    session = app.accounts.session(app.estate.environment(environment))
    loaded = load_release(session.artifacts(), release_id)
    manifest = json.loads(loaded.manifest)
    rows = [(file.name, str(file.bytes), file.sha256) for file in loaded.files]
    lines = [f"image {loaded.release.image_digest}", f"commit {loaded.release.commit}"]
    lines += [f"{name} {value:g}" for name, value in loaded.release.metrics.items()]
    return Result(
        {"command": "release show", "env": environment, **manifest},
        lines=tuple(lines),
        tables=(Table(("file", "bytes", "sha256"), rows),),
    )


@release.command()
@click.argument("release_id", metavar="RELEASE")
@options.environment
@click.option("--reject", is_flag=True, help="Reject it instead.")
@click.option("--comment", default="", help="Why, for those who read it later.")
@options.command(dry_run=True)
def approve(app: App, *, release_id: str, environment: str, reject: bool, comment: str) -> Result:
    """Approve a release in an environment's model registry.

    Where the environment names approvers, this works in their role: who promotes does not approve. The registry keeps
    who said it, and why.
    """
    from glue.core.names import model_of_release
    from glue.errors import NotFoundError

    where = app.estate.environment(environment)
    session = _approving(app, where)
    group = session.parameters.foundation(where).model(model_of_release(release_id)).model_package_group
    package = session.sagemaker.find_package(group, release_id)
    if package is None:
        raise NotFoundError(
            f"release {release_id} is not registered in {group} ({environment})",
            remedy=f"`slipway release list --env {environment}` shows what is there.",
        )
    wanted = "Rejected" if reject else "Approved"
    changed = package.approval != wanted and not app.dry_run
    if changed:
        said = f"{wanted} by {session.principal}" + (f": {comment}" if comment else "")
        session.sagemaker.set_approval(package.arn, approved=not reject, comment=said)
        app.trail(where, session).note(
            action="approve", endpoint="_releases", why=comment, details={"release": release_id, "approval": wanted}
        )
    nothing = f"Nothing to do: {release_id} is {package.approval} in {environment}."
    would = f"Dry run: {release_id} would be {wanted}."
    line = f"{release_id} is {wanted} in {environment}." if changed else would if app.dry_run else nothing
    return Result(
        {
            "command": "release approve",
            "release": release_id,
            "env": environment,
            "approval": wanted,
            "changed": changed,
        },
        lines=(line,),
    )


def _approving(app: App, where: Environment) -> Session:
    """Return a session that may approve: in the approvers' role, or without approvers in the glue's own."""
    from glue.core import roles
    from glue.errors import AccessDeniedError, RefusedError

    if not where.approvers:
        return app.accounts.session(where)
    try:
        return app.accounts.session(where, roles.APPROVE)
    except AccessDeniedError as error:
        raise RefusedError(
            f"releases of {where.name} are approved by others: {error.message}",
            remedy=f"Ask one of {', '.join(where.approvers)}; bootstrap must have been applied with them.",
        ) from error


def _created(made: Any, *, changed: bool) -> dict[str, object]:
    return {
        "command": "release create",
        "release": made.release,
        "model": made.model,
        "image": made.image_digest,
        "content": made.content,
        "metrics": dict(made.metrics),
        "files": sorted(made.files),
        "changed": changed,
    }


def _request(app: App, settings: dict[str, Any]) -> ReleaseRequest:
    from glue.core.request import ReleaseRequest
    from glue.releasing import git_state

    commit, dirty = (settings["commit"], False) if settings["commit"] else git_state(app.workspace.root)
    return ReleaseRequest(
        model=settings["model"],
        archive=settings["archive"],
        image=settings["image"],
        commit=commit,
        dirty=dirty,
        source_archive=settings["source_archive"],
        environment=_variables(settings["container_env"]),
        golden=settings["golden"],
        metrics=settings["metrics"],
        baseline=settings["baseline"],
        training=_training(settings["training"]),
        without_golden=settings["without_golden"],
    )


def _variables(pairs: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--container-env {pair!r} is not NAME=VALUE")
        found[name] = value
    return found


def _training(path: Path | None) -> dict[str, object]:
    if path is None:
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise UsageError(f"{path} does not hold a JSON object")
    return document
