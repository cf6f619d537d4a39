"""`slipway image`: the golden image, built and pushed without Docker."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result

_MODEL = click.option("--model", required=True, help="Model, a folder below models/.")


@click.group(short_help="Build and push the golden image.")
def image() -> None:
    """Build the golden image of a model as reproducible layers, and push it, without Docker."""


@image.command()
@_MODEL
@click.option("--commit", help="Commit that the image is named after. [default: the checkout's]")
@click.option("--base", type=click.Path(path_type=Path), help="OCI layout whose layers come first.")
@click.option("--architecture", type=click.Choice(("amd64", "arm64")), help="[default: this machine's]")
@options.command()
def build(app: App, *, model: str, commit: str | None, base: Path | None, architecture: str | None) -> Result:
    """Build the image of a model. The same files and commit give the same digest."""
    from glue.oci.build import build_image

    built = build_image(model, repository=app.workspace.root, commit=commit, base=base, architecture=architecture)
    size = sum(blob.size for blob in built.blobs)
    return Result(
        {"command": "image build", "model": model, "digest": built.digest, "commit": built.commit, "bytes": size},
        lines=(f"{built.digest}  {model} at {built.commit[:12]}, {size / 1e6:.1f} MB",),
    )


@image.command()
@_MODEL
@options.environment
@options.command()
def push(app: App, *, model: str, environment: str) -> Result:
    """Push the image that was built last into an environment's registry, layer by layer; what is there stays."""
    from glue.oci.layout import load, read_config
    from glue.oci.push import push_image

    where = app.estate.environment(environment)
    built = load(app.workspace.root / "build" / "images" / model)
    session = app.accounts.session(where)
    session.parameters.foundation(where).model(model)
    tag = built.commit or _commit(read_config(built.path, built.config))
    report = push_image(
        built,
        registry=session.registry,
        repository=f"{where.project}/{model}",
        tag=tag,
        progress=app.console.say,
    )
    done = f"{report.digest} pushed as {report.repository}:{report.tag}, {report.uploaded_bytes / 1e6:.1f} MB"
    return Result(
        {
            "command": "image push",
            "env": environment,
            "repository": report.repository,
            "digest": report.digest,
            "tag": report.tag,
            "uploaded_bytes": report.uploaded_bytes,
            "changed": report.changed,
        },
        lines=(done if report.changed else f"Nothing to do: {report.repository}:{report.tag} is {report.digest}",),
    )


@image.command()
@_MODEL
@options.environment
@click.option("--commit", required=True, help="Commit whose image it is: an id, a tag, a branch.")
@click.option("--latest", is_flag=True, help="Move the tag latest, too.")
@options.command(dry_run=True)
def promote(app: App, *, model: str, environment: str, commit: str, latest: bool) -> Result:
    """Move an environment's tag to the image of a commit. The image stays, and endpoints do not follow.

    The digest is the one that the commit's tag names in that environment's own registry.
    """
    from glue.oci.source import resolve
    from glue.oci.tagging import environment_tags, move_tags, plan_tags

    where = app.estate.environment(environment)
    tags = environment_tags(where.name, latest=latest)
    commit = resolve(app.workspace.root, commit)
    session = app.accounts.session(where)
    session.parameters.foundation(where).model(model)
    repository = f"{where.project}/{model}"
    plan = plan_tags(session.registry, repository=repository, commit=commit, tags=tags)
    changed = False if app.dry_run else move_tags(session.registry, plan)
    needed = [move for move in plan.moves if move.needed]
    said = "would move" if app.dry_run else "moved"
    lines = [f"{repository}:{it.tag} {said} from {it.before or 'no image'} to {it.digest}" for it in needed]
    lines = lines or [f"Nothing to do: {repository}:{' and '.join(tags)} is {plan.digest} ({plan.commit_tag[:12]})"]
    return Result(
        {
            "command": "image promote",
            "env": environment,
            "repository": repository,
            "commit": plan.commit_tag,
            "digest": plan.digest,
            "tags": [{"tag": it.tag, "from": it.before, "to": it.digest, "moves": it.needed} for it in plan.moves],
            "dry_run": app.dry_run,
            "changed": changed,
        },
        lines=tuple(lines),
    )


def _commit(config: Mapping[str, Any]) -> str | None:
    """Return the commit that an image's labels name
    (https://github.com/opencontainers/image-spec/blob/main/annotations.md)."""
    labels: Mapping[str, str] = config.get("config", {}).get("Labels", {})
    return labels.get("org.opencontainers.image.revision")
