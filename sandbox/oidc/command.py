"""`python -m sandbox token`: what a pipeline's job would get from its issuer."""

from __future__ import annotations

import argparse
import re
import sys
import time

from sandbox.commands import DONE, Command
from sandbox.errors import SandboxError
from sandbox.oidc import issuers
from sandbox.settings import Settings

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--issuer", choices=("github", "circleci", "concourse"), required=True)
    parser.add_argument("--repository", default="", metavar="OWNER/NAME", help="GitHub: the repository that runs")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--environment", help="GitHub: the environment that the job names")
    where.add_argument("--ref", default="refs/heads/main", help="the branch or tag that runs (refs/heads/main)")
    where.add_argument("--pull-request", action="store_true", help="GitHub: a pull request runs")
    parser.add_argument("--organization", default="", metavar="UUID", help="CircleCI: the organization")
    parser.add_argument("--project", default="", metavar="UUID", help="CircleCI: the project")
    parser.add_argument("--user", default="", metavar="UUID", help="CircleCI: who started the job")
    parser.add_argument("--team", default="main", help="Concourse: the team")
    parser.add_argument("--pipeline", default="slipway", help="Concourse: the pipeline")
    parser.add_argument("--token-version", type=int, choices=(1, 2), default=1, help="CircleCI: 2 also names the ref")
    parser.add_argument("--audience", help="whom the token is for; default as the issuer's own")
    parser.add_argument("--subject", help="another subject than the issuer's")
    parser.add_argument("--expired", action="store_true", help="a token that ended a minute ago")


def _run(options: argparse.Namespace, settings: Settings) -> int:
    """Print a signed token. The server need not be asked: the issuers' keys lie in the sandbox's folder."""
    if not settings.env_file.exists():
        raise SandboxError(f"there is no sandbox in {settings.home}", remedy="`make sandbox` starts one.")
    _check(options)
    from sandbox.oidc import tokens  # noqa: PLC0415  (the other commands need no cryptography)

    job = issuers.Job(
        repository=options.repository,
        environment=options.environment,
        ref=options.ref,
        is_pull_request=options.pull_request,
        organization=options.organization,
        project=options.project,
        user=options.user,
        version=options.token_version,
        team=options.team,
        pipeline=options.pipeline,
    )
    claims = issuers.claims(options.issuer, job, now=int(time.time()))
    if options.audience is not None:
        claims["aud"] = options.audience
    if options.subject is not None:
        claims["sub"] = options.subject
    if options.expired:
        earlier = claims["exp"] - int(time.time()) + 60
        claims |= {name: claims[name] - earlier for name in ("exp", "iat", "nbf") if name in claims}
    sys.stdout.write(tokens.sign(settings, options.issuer, claims) + "\n")
    return DONE


def _check(options: argparse.Namespace) -> None:
    if options.issuer == "github" and not _REPOSITORY.fullmatch(options.repository):
        raise SandboxError("GitHub's tokens name a repository", remedy="Say --repository OWNER/NAME.")
    for name in ("organization", "project", "user"):
        text = getattr(options, name)
        needed = options.issuer == "circleci" and name != "user"
        if (text or needed) and not issuers.is_uuid(text):
            raise SandboxError(f"--{name} must be a UUID in lower case, not {text!r}")


TOKEN = Command(
    name="token",
    help="print a token as a pipeline's job gets it from its issuer, for AWS_WEB_IDENTITY_TOKEN_FILE",
    run=_run,
    arguments=_arguments,
)
