"""`slipway image`: the golden image: built with or without Docker, pushed, promoted by digest, served here."""

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


@click.group(short_help="Build, push, promote and serve the golden image.")
def image() -> None:
    """Build the golden image of a model, push it, promote it by its digest, serve it on this machine."""


@image.command()
@_MODEL
@click.option("--commit", help="Commit that the image is named after. [default: the checkout's]")
@click.option("--with", "builder", type=click.Choice(("oci", "docker", "auto")), default="oci", show_default=True,
              help="oci: plain layers, no Docker. docker: image/Dockerfile. auto: docker where it works.")  # fmt: skip
@click.option("--base", help="What lies below: an OCI layout's folder; with docker, an image by digest.")
@click.option("--architecture", type=click.Choice(("amd64", "arm64")), help="[default: this machine's]")
@options.command()
def build(
    app: App, *, model: str, commit: str | None, builder: str, base: str | None, architecture: str | None
) -> Result:
    """Build the image of a model. The same files and commit give the same digest.

    Plain layers without a base hold no operating system: they run in the sandbox, not on AWS.
    """
    from glue.oci.build import build_image
    from glue.oci.docker import build_with_docker, unavailable

    if builder == "auto":
        reason = unavailable(app.environ)
        builder = "oci" if reason else "docker"
        app.console.say(f"built without Docker, as plain layers: {reason}" if reason else "built with Docker")
    root = app.workspace.root
    if builder == "docker":
        built = build_with_docker(model, repository=root, commit=commit, base=base, architecture=architecture)
    else:
        folder = Path(base) if base else None
        built = build_image(model, repository=root, commit=commit, base=folder, architecture=architecture)
    size = sum(blob.size for blob in built.blobs)
    return Result(
        {
            "command": "image build",
            "model": model,
            "digest": built.digest,
            "commit": built.commit,
            "bytes": size,
            "with": builder,
        },
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


@image.command()
@_MODEL
@click.option("--archive", type=click.Path(path_type=Path), help="[default: build/models/MODEL/model.tar.gz]")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Port to listen on.")
@click.option("--without-nginx", is_flag=True, help="Let the image's program listen by itself, as on SageMaker.")
@click.option("--max-bytes", type=click.IntRange(1, 1024**3), default=26214400, show_default=True, help="Of a request.")
@click.option("--limit", type=click.IntRange(1, 3600), default=60, show_default=True, help="Seconds of a request.")
@click.option("--grace", type=click.IntRange(1, 3600), default=25, show_default=True, help="Seconds to stop.")
@options.command()
def serve(app: App, *, model: str, archive: Path | None, without_nginx: bool, **how: Any) -> Result:
    """Serve a model on this machine with the image's program, behind a real nginx, until SIGTERM or Ctrl-C.

    The archive is what a training leaves: python -m models.local MODEL. Requests in flight are answered at the end.
    """
    from glue import local_server

    root = app.workspace.root
    archive = archive or root / "build" / "models" / model / "model.tar.gz"
    nginx = None if without_nginx else local_server.find_nginx(app.environ, tools=root / ".tools" / "nginx")
    with local_server.scratch() as folder:
        local_server.unpack(archive, folder / "model")
        serving = local_server.of_checkout(root, model, app.environ, model_dir=folder / "model", nginx=nginx, **how)
        local_server.serve(serving, folder, say=app.console.say)
    return Result({"command": "image serve", "model": model, "changed": False}, lines=("Stopped in order.",))


def _commit(config: Mapping[str, Any]) -> str | None:
    """Return the commit that an image's labels name
    (https://github.com/opencontainers/image-spec/blob/main/annotations.md)."""
    labels: Mapping[str, str] = config.get("config", {}).get("Labels", {})
    return labels.get("org.opencontainers.image.revision")
