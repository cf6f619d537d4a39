"""What the issuers put into their tokens.

GitHub Actions: https://docs.github.com/en/actions/reference/security/oidc.
CircleCI: https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/.
Concourse: https://concourse-ci.org/docs/operation/creds/id-token.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GITHUB_HOST = "token.actions.githubusercontent.com"
_CIRCLECI_HOST = "oidc.circleci.com/org/"
CONCOURSE_HOST = "concourse.example.com"  # each Concourse is an issuer, by its external URL: the sandbox plays this one
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_NAMES = uuid.UUID(
    "6ba7b811-9dad-11d1-80b4-00c04fd430c8"
)  # RFC 9562's namespace of URLs, for ids that must stay the same
AUDIENCE_OF_AWS = "sts.amazonaws.com"  # what aws-actions/configure-aws-credentials asks GitHub for


@dataclass(frozen=True)
class Job:
    """A pipeline's job. GitHub's subject names its environment, else that it is a pull request, else the ref.

    Concourse's names team and pipeline, as its var source does without a `subject_scope`.
    """

    repository: str = ""  # owner/name
    environment: str | None = None
    ref: str = "refs/heads/main"
    is_pull_request: bool = False
    organization: str = ""  # CircleCI: UUIDs
    project: str = ""
    user: str = ""
    version: int = 1  # of CircleCI's token: CIRCLE_OIDC_TOKEN or CIRCLE_OIDC_TOKEN_V2
    team: str = "main"  # Concourse
    pipeline: str = "slipway"


def name_of(host: str) -> str | None:
    """Return the short name of an issuer that the sandbox plays, by its host and path; None for all others."""
    if host == GITHUB_HOST:
        return "github"
    if host == CONCOURSE_HOST:
        return "concourse"
    if host.startswith(_CIRCLECI_HOST) and _UUID.fullmatch(host.removeprefix(_CIRCLECI_HOST)):
        return "circleci"
    return None


def is_uuid(text: str) -> bool:
    """Return whether a text is a UUID as CircleCI writes them."""
    return _UUID.fullmatch(text) is not None


def claims(issuer: str, job: Job, *, now: int) -> dict[str, Any]:
    """Return the claims of a job's token. `now` is in seconds since 1970, and so are exp, iat and nbf."""
    makers = {"github": _github, "circleci": _circleci, "concourse": _concourse}
    return dict(makers[issuer](job, now))


def _github(job: Job, now: int) -> Mapping[str, Any]:
    owner = job.repository.partition("/")[0]
    if job.environment is not None:
        subject = f"repo:{job.repository}:environment:{job.environment}"
    elif job.is_pull_request:
        subject = f"repo:{job.repository}:pull_request"
    else:
        subject = f"repo:{job.repository}:ref:{job.ref}"
    ref = "refs/pull/1/merge" if job.is_pull_request else job.ref
    workflow = f"{job.repository}/.github/workflows/deploy.yml@{ref}"
    sha = uuid.uuid5(_NAMES, workflow).hex + "00000000"
    return {
        "jti": str(uuid.uuid4()),
        "sub": subject,
        "aud": AUDIENCE_OF_AWS,
        "iss": f"https://{GITHUB_HOST}",
        "exp": now + 300,
        "iat": now,
        "nbf": now - 600,
        "ref": ref,
        "ref_type": "tag" if ref.startswith("refs/tags/") else "branch",
        "ref_protected": "false",
        "sha": sha,
        "repository": job.repository,
        "repository_owner": owner,
        "repository_id": _number(job.repository),
        "repository_owner_id": _number(owner),
        "repository_visibility": "private",
        "actor": "octocat",
        "actor_id": "583231",
        "event_name": "pull_request" if job.is_pull_request else "push",
        "head_ref": "feature" if job.is_pull_request else "",
        "base_ref": "main" if job.is_pull_request else "",
        "workflow": "deploy",
        "workflow_ref": workflow,
        "workflow_sha": sha,
        "job_workflow_ref": workflow,
        "job_workflow_sha": sha,
        "run_id": "1",
        "run_number": "1",
        "run_attempt": "1",
        "runner_environment": "github-hosted",
        **({"environment": job.environment} if job.environment is not None else {}),
    }


def _circleci(job: Job, now: int) -> Mapping[str, Any]:
    user = job.user or str(uuid.uuid5(_NAMES, "user"))
    origin = f"github.com/{job.repository}" if job.repository else "github.com/example/models"
    subject = f"org/{job.organization}/project/{job.project}/user/{user}"
    if job.version == 2:
        subject += f"/vcs-origin/{origin}/vcs-ref/{job.ref}"
    return {
        "sub": subject,
        "aud": job.organization,
        "iss": f"https://{_CIRCLECI_HOST}{job.organization}",
        "exp": now + 3600,
        "iat": now,
        "oidc.circleci.com/project-id": job.project,
        "oidc.circleci.com/context-ids": [str(uuid.uuid5(_NAMES, "context"))],
        "oidc.circleci.com/vcs-origin": origin,
        "oidc.circleci.com/vcs-ref": job.ref,
        "oidc.circleci.com/ssh-rerun": False,
    }


def _concourse(job: Job, now: int) -> Mapping[str, Any]:
    return {
        "iss": f"https://{CONCOURSE_HOST}",
        "sub": f"{job.team}/{job.pipeline}",
        "aud": [AUDIENCE_OF_AWS],  # as the var source is told
        "exp": now + 3600,
        "iat": now,
        "team": job.team,
        "pipeline": job.pipeline,
        "job": "nightly",
    }


def _number(text: str) -> str:
    return str(uuid.uuid5(_NAMES, text).int % 10**9)
