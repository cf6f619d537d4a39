"""`slipway render`: a new revision in the file, and nothing else."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result
from glue.errors import UsageError


@click.command(short_help="Write a new revision into an endpoint's revisions file.")
@options.environment
@options.endpoint(required=True, text="Endpoint, by its short name.")
@click.option("--release", help="Release that is in this environment's store. [default: what is live]")
@options.variant
@click.option("--reseal", is_flag=True, help="Check each revision against its id, and write the file anew.")
@click.option("--retry", is_flag=True, help="Take the mark of a failure away from this content.")
@options.command(dry_run=True)
def render(
    app: App,
    *,
    environment: str,
    endpoint: str,
    release: str | None,
    variant: str | None,
    reseal: bool,
    retry: bool,
) -> Result:
    """Write a new revision into an endpoint's revisions file: the live releases with the settings of today.

    For a change of instance type, variants or capture in the endpoint's file. Weights stay as they are live: `slipway
    traffic` changes them. --reseal is for after a merge of two
    branches that both added revisions: what is in the file is kept if every id is that of its content.
    """
    if reseal and release:
        raise UsageError("--reseal only checks what is in the file", remedy="Leave out --release.")
    if variant and not release:
        raise UsageError("--variant says where a release goes", remedy="Name it with --release.")
    where = app.estate.environment(environment)
    app.estate.check_endpoint(environment, endpoint)
    with app.alone(where, endpoint):
        if reseal:
            return _reseal(app, environment, endpoint)
        return _render(app, environment, endpoint, release, variant=variant, retry=retry)


def _render(
    app: App, environment: str, endpoint: str, release: str | None, *, variant: str | None, retry: bool
) -> Result:
    from glue.errors import RefusedError
    from glue.promotion import Planner
    from glue.releases import load_release
    from glue.tf import revisions_file

    settings = app.estate.endpoint(environment, endpoint)
    session = app.accounts.session(app.estate.environment(environment))
    if release is None and app.estate.revisions(environment, endpoint).live is None:
        raise RefusedError(
            f"endpoint {endpoint} of {environment} has no live revision to render anew",
            remedy=f"Promote a release: slipway promote RELEASE --to {environment}",
        )
    if variant is not None and settings.model_of(variant) is None:
        known = ", ".join({**settings.variants, **settings.shadow_variants})
        raise UsageError(f"endpoint {endpoint} of {environment} has no variant {variant}", remedy=f"Known: {known}.")
    manifest = load_release(session.artifacts(), release).release if release else None
    planner = Planner(estate=app.estate, session=session, now=app.now(), retry=retry)
    plan = planner.render(settings, manifest, variant=variant)
    path = app.estate.revisions_file(environment, endpoint)
    if plan.rendered.changed and not app.dry_run:
        revisions_file.save(path, plan.rendered.revisions)
    lines = [*plan.notes, *plan.changes]
    if not plan.rendered.changed:
        lines.append(f"Nothing to do: {plan.rendered.live} is live and has this content.")
    elif app.dry_run:
        lines.append(f"Dry run: {plan.rendered.live} would be live.")
    else:
        lines.append(f"{plan.rendered.live} is live in {app.workspace.shown(path)}. Commit it, then: make plan apply")
    return Result(
        {
            "command": "render",
            "endpoint": endpoint,
            "revision": plan.rendered.live,
            "action": plan.rendered.action,
            "before": plan.rendered.before,
            "differences": list(plan.changes),
            "notes": list(plan.notes),
            "file": app.workspace.shown(path),
            "changed": plan.rendered.changed and not app.dry_run,
        },
        lines=tuple(lines),
    )


def _reseal(app: App, environment: str, endpoint: str) -> Result:
    from glue.tf import revisions_file

    path = app.estate.revisions_file(environment, endpoint)
    found = revisions_file.load(path, sealed=False)
    changed = bool(found.revisions) and not app.dry_run and revisions_file.save(path, found)
    count = len(found.revisions)
    done = f"{count} revisions checked; {app.workspace.shown(path)} is sealed, live is {found.live}."
    nothing = f"Nothing to do: {count} revisions checked, the seal is right."
    return Result(
        {"command": "render", "endpoint": endpoint, "revision": found.live, "revisions": count, "changed": changed},
        lines=(done if changed else nothing,),
    )
