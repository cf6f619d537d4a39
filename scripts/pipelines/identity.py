"""`make identity`: who a pipeline's job is. Its vendor's token becomes AWS profiles, one for each environment: no keys.

    GitHub Actions  asks the runner for a token, and renews it while the job runs: it lasts five minutes
                    https://docs.github.com/en/actions/reference/security/oidc
    CircleCI        CIRCLE_OIDC_TOKEN_V2, which lasts an hour
                    https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/
    Concourse       the variable of a var source of type idtoken, handed over as SLIPWAY_IDENTITY_TOKEN
                    https://concourse-ci.org/docs/operation/creds/id-token

The Makefile names the written configuration in AWS_CONFIG_FILE for every target that runs later in the same checkout.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from glue.core import roles
from glue.core.environment import Environment
from glue.tf.tfvars import Estate
from glue.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "identity"
AUDIENCE = "sts.amazonaws.com"  # what terraform/bootstrap's identity provider for GitHub expects
RENEW_EVERY_S = 120
LONGEST_S = 6 * 3600  # of a job on GitHub's runners
REQUEST = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")


class NoIdentityError(Exception):
    """This is no pipeline's job, or it got no token; the message says what to do."""


def token(environ: Mapping[str, str]) -> str:
    """Return the token that says who this job is. Raises NoIdentityError."""
    if all(environ.get(name) for name in REQUEST):
        return _asked(environ[REQUEST[0]], environ[REQUEST[1]])
    found = environ.get("CIRCLE_OIDC_TOKEN_V2") or environ.get("SLIPWAY_IDENTITY_TOKEN")
    if not found:
        raise NoIdentityError(
            "this job has no identity token.\n"
            "  GitHub: `permissions: id-token: write`, which pull requests of forks never get.\n"
            "  CircleCI: a context, so that CIRCLE_OIDC_TOKEN_V2 is set.\n"
            "  Concourse: SLIPWAY_IDENTITY_TOKEN from a var source of type idtoken.\n"
            "  At a desk: use a profile named like the environment instead (docs/first-day.md)."
        )
    return found.strip()


def _asked(url: str, bearer: str) -> str:
    """Return a token from GitHub's runner. Raises NoIdentityError."""
    separator = "&" if urllib.parse.urlsplit(url).query else "?"
    request = urllib.request.Request(  # noqa: S310 - the runner's own address
        f"{url}{separator}audience={AUDIENCE}", headers={"Authorization": f"Bearer {bearer}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return str(json.load(answer)["value"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoIdentityError(f"GitHub's runner gave no identity token: {error}") from error


def session_name(environ: Mapping[str, str]) -> str:
    """Return what CloudTrail shows of this job: the vendor and its run, at most 64 of letters, digits and `=,.@-`."""
    run = environ.get("GITHUB_RUN_ID") and f"github-{environ['GITHUB_RUN_ID']}-{environ.get('GITHUB_RUN_ATTEMPT', '1')}"
    run = run or (environ.get("CIRCLE_WORKFLOW_JOB_ID") and f"circleci-{environ['CIRCLE_WORKFLOW_JOB_ID']}")
    run = run or (environ.get("BUILD_ID") and f"concourse-{environ['BUILD_ID']}") or "pipeline"
    return re.sub(r"[^A-Za-z0-9=,.@-]", "-", run)[:64]


def profiles(environments: list[Environment], role: str, *, token_file: Path, session: str) -> str:
    """Return an AWS configuration: for each environment a profile of its name, which has the role by the token.

    https://docs.aws.amazon.com/sdkref/latest/guide/access-assume-role-web.html
    """
    return "\n".join(
        f"[profile {one.name}]\n"
        f"role_arn = {one.role_arn(role)}\n"
        f"web_identity_token_file = {token_file}\n"
        f"role_session_name = {session}\n"
        f"region = {one.region}\n"
        for one in environments
    )


def write(path: Path, text: str) -> None:
    """Replace a file by one rename; nobody else on this machine may read it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def renew(environ: Mapping[str, str], *, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
    """Write a new token every two minutes until the job ends: its runner is gone then, or the file is."""
    until = clock() + LONGEST_S
    while clock() < until:
        sleep(RENEW_EVERY_S)
        if not (FOLDER / "token").exists():
            return
        try:
            found = token(environ)
        except NoIdentityError:
            continue  # the old one may last until the runner answers again
        write(FOLDER / "token", found)


def main(arguments: list[str] | None = None) -> int:
    """Write the token and the profiles; return 0, or 3 where there is no token."""
    parser = argparse.ArgumentParser(prog="make identity", description="Say who this pipeline's job is.")
    parser.add_argument("--role", choices=roles.ROLES, help="the role of its profiles")
    parser.add_argument("--renew", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.renew:
        renew(os.environ, sleep=time.sleep, clock=time.monotonic)
        return 0
    if options.role is None:
        parser.error("say which role")
    try:
        found = token(os.environ)
    except NoIdentityError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 3
    FOLDER.mkdir(parents=True, exist_ok=True)
    FOLDER.chmod(0o700)
    write(FOLDER / "token", found)
    workspace = Workspace.find()
    estate = Estate(workspace.environments)
    environments = [estate.environment(name) for name in estate.environments()]
    session = session_name(os.environ)
    text = profiles(environments, options.role, token_file=FOLDER / "token", session=session)
    write(FOLDER / "config", text)
    if all(os.environ.get(name) for name in REQUEST):
        _keep_renewing()
    names = ", ".join(one.role_arn(options.role).rpartition("/")[2] for one in environments)
    sys.stdout.write(f"This job is {session}; its token is for {names}, where their trust names it.\n")
    return 0


def _keep_renewing() -> None:
    """Start the program that renews the token, in a session of its own: the step that started it ends before it."""
    subprocess.Popen(
        [sys.executable, "-m", "scripts.pipelines.identity", "--renew"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


if __name__ == "__main__":
    sys.exit(main())
