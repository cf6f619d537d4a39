"""Prints `identity_providers` of an environment: which job of which vendor may have which role in it.

    .venv/bin/python -m scripts.pipelines.subjects --env qa --github example/slipway --circleci ORGANIZATION/PROJECT \
        --concourse concourse.example.com=main/slipway

What writes has a subject that names the environment, main, or a release's tag; a pull request can only read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from glue.core import roles
from glue.core.environment import Environment
from glue.tf.tfvars import Estate
from glue.workspace import Workspace

Subjects = Mapping[str, list[str]]
GITHUB = "https://token.actions.githubusercontent.com"
AWS = "sts.amazonaws.com"
USER = "-".join("?" * length for length in (8, 4, 4, 4, 12))  # any UUID


@dataclass(frozen=True)
class Vendors:
    """Who the pipelines are: `circleci` organization and project, `concourse` host and subject; None for none."""

    github: str | None = None  # owner/name
    circleci: tuple[str, str] | None = None
    concourse: tuple[str, str] | None = None


def writers(environment: Environment) -> list[str]:
    """Return the roles that jobs write in: training where releases are made."""
    train = [roles.TRAIN] if environment.training_queue else []
    return [roles.DEPLOY_FOUNDATION, roles.DEPLOY_SERVING, roles.PROMOTE, *train]


def github(environment: Environment, repository: str) -> Subjects:
    """Return GitHub's subjects. https://docs.github.com/en/actions/reference/security/oidc."""
    reading = [f"repo:{repository}:pull_request", f"repo:{repository}:ref:refs/heads/main"]
    writing = [f"repo:{repository}:environment:{environment.name}"]
    return {roles.PLAN: reading, **dict.fromkeys(writers(environment), writing)}


def circleci(environment: Environment, project: tuple[str, str], repository: str, *, last: bool) -> Subjects:
    """Return CircleCI's subjects: main up to the environment before the last, a release's tag for the last.

    The tag's job also asks the one before for its releases. The user has its exact length: a star would match across
    slashes, and somebody's branch `x/vcs-origin/…/vcs-ref/refs/heads/main` would then pass for main.
    https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/
    """
    every = f"org/{project[0]}/project/{project[1]}/user/{USER}/vcs-origin/github.com/{repository}/vcs-ref/refs"
    main, tag = f"{every}/heads/main", f"{every}/tags/release-*"
    glue = [role for role in writers(environment) if role != roles.DEPLOY_FOUNDATION]
    found = {role: [tag if last else main] for role in glue}
    if environment.promotes_from is not None and not last:
        found[roles.PROMOTE] = [main, tag]
    return found


def concourse(environment: Environment, subject: str) -> Subjects:
    """Return Concourse's subject, a team and a pipeline. https://concourse-ci.org/docs/operation/creds/id-token."""
    return {role: [subject] for role in writers(environment) if role != roles.DEPLOY_FOUNDATION}


def block(environment: Environment, vendors: Vendors, *, last: bool) -> str:
    """Return the HCL for environment.tfvars; `last` is an environment that nothing promotes from."""
    found = []
    if vendors.github:
        found.append(_provider("github", GITHUB, AWS, github(environment, vendors.github)))
    if vendors.circleci:
        organization = vendors.circleci[0]
        subjects = circleci(environment, vendors.circleci, vendors.github or "OWNER/NAME", last=last)
        found.append(_provider("circleci", f"https://oidc.circleci.com/org/{organization}", organization, subjects))
    if vendors.concourse and not last:
        host, subject = vendors.concourse
        found.append(_provider("concourse", f"https://{host}", AWS, concourse(environment, subject)))
    return "  identity_providers = {\n" + "\n".join(found) + "\n  }\n"


def _provider(name: str, issuer: str, audience: str, subjects: Subjects) -> str:
    wide = max(map(len, subjects))
    lines = [
        f"        {role:<{wide}} = [{', '.join(f'{chr(34)}{one}{chr(34)}' for one in found)}]"
        for role, found in subjects.items()
    ]
    head = [f"    {name} = {{", f'      issuer   = "{issuer}"', f'      audience = "{audience}"', "      subjects = {"]
    return "\n".join([*head, *lines, "      }", "    }"])


def is_last(estate: Estate, name: str) -> bool:
    """Say whether nothing promotes from an environment."""
    sources = [estate.environment(other).promotes_from for other in estate.environments()]
    return name not in {source.name for source in sources if source is not None}


def main() -> None:
    """Print the block."""
    parser = argparse.ArgumentParser(description="Print identity_providers of an environment.")
    parser.add_argument("--env", required=True)
    parser.add_argument("--github", metavar="OWNER/NAME")
    parser.add_argument("--circleci", metavar="ORGANIZATION/PROJECT", help="UUIDs; origin is that of --github")
    parser.add_argument("--concourse", metavar="HOST=TEAM/PIPELINE")
    options = parser.parse_args()
    estate = Estate(Workspace.find().environments)
    split = (options.circleci or "").partition("/")
    host = (options.concourse or "").partition("=")
    vendors = Vendors(
        options.github,
        (split[0], split[2]) if options.circleci else None,
        (host[0], host[2]) if options.concourse else None,
    )
    sys.stdout.write(block(estate.environment(options.env), vendors, last=is_last(estate, options.env)))


if __name__ == "__main__":
    main()
