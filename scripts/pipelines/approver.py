"""`make approver`: who approved this run, as GitHub says, in SLIPWAY_APPROVED_BY for the steps after it.

GITHUB_ACTOR is who pushed. Who approved a protected environment is told by the run's approvals only:
https://docs.github.com/en/rest/actions/workflow-runs#get-the-review-history-for-a-workflow-run
It is recorded as claimed, not proven: GitHub says so, no signature does.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

NAMES = ("GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_TOKEN", "GITHUB_ENV")
LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}(?:\[bot\])?")


def approvers(reviews: Iterable[Mapping[str, Any]], environment: str) -> list[str]:
    """Return the logins that approved an environment in this run, in order, once each."""
    found: dict[str, None] = {}
    for review in reviews:
        names = {str(one.get("name")) for one in review.get("environments", [])}
        login = str((review.get("user") or {}).get("login", ""))
        if review.get("state") == "approved" and environment in names and LOGIN.fullmatch(login):
            found[login] = None
    return list(found)


def asked(environ: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """Return the reviews of this run."""
    url = f"{environ['GITHUB_API_URL']}/repos/{environ['GITHUB_REPOSITORY']}/actions/runs/{environ['GITHUB_RUN_ID']}"
    headers = {"Authorization": f"Bearer {environ['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"}
    request = urllib.request.Request(f"{url}/approvals", headers=headers)  # noqa: S310 - GitHub's own address
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        found: list[Mapping[str, Any]] = json.load(answer)
    return found


def main() -> int:
    """Write the variable where there are approvals; 0 also where the environment asks for none."""
    missing = [name for name in (*NAMES, "ENV") if not os.environ.get(name)]
    if missing:
        sys.stderr.write(f"Error: this is for a job of GitHub Actions; not set: {', '.join(missing)}\n")
        return 2
    try:
        names = approvers(asked(os.environ), os.environ["ENV"])
    except (OSError, ValueError) as error:
        sys.stderr.write(f"Error: GitHub did not say who approved: {error}. The job needs `actions: read`.\n")
        return 1
    if names:
        with Path(os.environ["GITHUB_ENV"]).open("a", encoding="utf-8") as file:
            file.write(f"SLIPWAY_APPROVED_BY={','.join(names)}\n")
    sys.stdout.write(f"Approved by {', '.join(names)}\n" if names else f"{os.environ['ENV']} asks nobody to approve\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
