"""`make record`: commits the revisions that a promotion wrote, and pushes them, with the checkout's own credentials.

What is live must stand in git, or the next plan of main would take it back. Only revisions files go into the commit.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from glue.workspace import Workspace

ATTEMPTS = 3
# No pipeline starts for it: what it says is live already. Both vendors read this word.
# https://circleci.com/docs/guides/orchestrate/skip-build/
# https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs
SKIP = "[skip ci]"
AUTHOR = ("-c", "user.name=slipway", "-c", "user.email=slipway@users.noreply.github.com")


def git(root: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run git in the checkout."""
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=check, timeout=300)


def changed(root: Path, environment: str) -> list[str]:
    """Return the environment's revisions files that differ from the last commit, new ones included."""
    done = git(
        root, "status", "--porcelain", "-z", "--untracked-files=all", "--", f"environments/{environment}/endpoints"
    )
    return sorted(entry[3:] for entry in done.stdout.split("\0") if entry and entry[3:].endswith(".revisions.tfvars"))


def record(root: Path, environment: str, branch: str) -> str:
    """Commit and push; return a sentence. Others may have pushed meanwhile: it is put on top of what they did.

    Without a branch it is only committed: Concourse's git resource pushes by itself.
    """
    files = changed(root, environment)
    if not files:
        return f"Nothing to record: the revisions of {environment} are committed."
    git(root, "add", "--", *files)
    message = f"Record what is live in {environment}\n\n{SKIP}"
    git(root, *AUTHOR, "commit", "--quiet", "--message", message, "--", *files)
    if not branch:
        return f"Committed, not pushed: {', '.join(files)}"
    problem = ""
    for _ in range(ATTEMPTS):
        done = git(root, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}", check=False)
        if done.returncode == 0:
            return f"Recorded in {branch}: {', '.join(files)}"
        problem = done.stderr.strip()
        git(root, "fetch", "--quiet", "origin", branch, check=False)
        if git(root, *AUTHOR, "rebase", "--quiet", "FETCH_HEAD", check=False).returncode:
            git(root, "rebase", "--abort", check=False)
            break
    sys.exit(
        f"Error: {', '.join(files)} could not be pushed to {branch}: {problem}\n"
        "  What they say is live. Commit them by hand before the next plan, or it takes them back."
    )


def main() -> None:
    """Commit and push, and say so."""
    parser = argparse.ArgumentParser(prog="make record", description="Commit what a promotion made live.")
    parser.add_argument("--env", required=True)
    parser.add_argument("--branch", required=True)
    options = parser.parse_args()
    sys.stdout.write(record(Workspace.find().root, options.env, options.branch) + "\n")


if __name__ == "__main__":
    main()
