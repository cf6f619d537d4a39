"""A repository whose main is what the accounts hold, and accounts that trust its pipelines."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from sandbox.oidc.issuers import CONCOURSE_HOST
from tests.sandbox.estate import REPOSITORY, Estate
from tests.sandbox.machines.github import Runner
from tests.sandbox.machines.host import Transcript, git, token
from tests.sandbox.machines.others import ORGANIZATION, PROJECT
from tests.sandbox.machines.vendor import GitHubServer

NAME = "example/slipway"
CHAIN = ("dev", "qa", "production")
LOGS = REPOSITORY / "build" / "pipelines"
GITHUB_JOB = f"repo:{NAME}"
CIRCLE_JOB = f"org/{ORGANIZATION}/project/{PROJECT}/user/*/vcs-origin/github.com/{NAME}/vcs-ref/refs"


def providers(environment: str) -> str:
    """Return an environment's `identity_providers`, as docs/review/pipelines.md says them."""
    writes = ["deploy-foundation", "deploy-serving", "promote", *(["train"] if environment == "dev" else [])]
    glue = [role for role in writes if role != "deploy-foundation"]
    ref = "tags/*" if environment == "production" else "heads/main"
    github = {role: [f"{GITHUB_JOB}:environment:{environment}"] for role in writes}
    github["plan"] = [f"{GITHUB_JOB}:pull_request", f"{GITHUB_JOB}:ref:refs/heads/main"]
    if environment == "qa":
        github["promote"].append(f"{GITHUB_JOB}:environment:production")
    circle = {role: [f"{CIRCLE_JOB}/{ref}"] for role in glue}
    if environment == "qa":
        circle["promote"].append(f"{CIRCLE_JOB}/tags/*")
    concourse = {role: ["main/slipway"] for role in glue} if environment != "production" else {}
    blocks = [
        _block("github", "https://token.actions.githubusercontent.com", "sts.amazonaws.com", github),
        _block("circleci", f"https://oidc.circleci.com/org/{ORGANIZATION}", ORGANIZATION, circle),
    ]
    if concourse:
        blocks.append(_block("concourse", f"https://{CONCOURSE_HOST}", "sts.amazonaws.com", concourse))
    return "\n  identity_providers = {\n" + "\n".join(blocks) + "\n  }\n"


def _block(name: str, issuer: str, audience: str, subjects: dict[str, list[str]]) -> str:
    lines = "\n".join(
        f"        {role} = [{', '.join(f'''{chr(34)}{one}{chr(34)}''' for one in found)}]"
        for role, found in subjects.items()
    )
    return f'''    {name} = {{
      issuer   = "{issuer}"
      audience = "{audience}"
      subjects = {{
{lines}
      }}
    }}'''


def trust(estate: Estate) -> None:
    """Let an administrator apply the bootstraps that make the accounts trust the pipelines."""

    def one(environment: str) -> None:
        file = estate.environments / environment / "environment.tfvars"
        text = file.read_text()
        if "identity_providers" in text:
            return
        file.write_text(text.replace("\n  models = {", f"{providers(environment)}\n  models = {{", 1))
        for verb in ("plan", "apply"):
            said = estate.slipway(verb, "--env", environment, "--stack", "bootstrap")
            assert said.code == 0, said.err[-3000:]

    with ThreadPoolExecutor() as pool:
        list(pool.map(one, CHAIN))


@dataclass
class World:
    """The repository `origin`, and how to change it."""

    estate: Estate
    folder: Path
    origin: Path
    server: GitHubServer
    tokens: dict[str, Runner] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=lambda: count(1))

    @property
    def main(self) -> str:
        return git(self.origin, "rev-parse", "main")

    def commit(self, path: str, before: str, after: str, *, branch: str = "main") -> str:
        """Change a file, commit it on a branch, and return the commit."""
        git(self.origin, "checkout", "--quiet", "-B", branch, "main")
        file = self.origin / path
        text = file.read_text()
        assert before in text, f"{path} does not hold {before!r}"
        file.write_text(text.replace(before, after, 1))
        git(self.origin, "commit", "--quiet", "--all", "--message", f"Change {path}")
        made = git(self.origin, "rev-parse", "HEAD")
        git(self.origin, "checkout", "--quiet", "main")
        return made

    def transcript(self, name: str) -> Transcript:
        return Transcript(LOGS / f"{name}.log")

    def workspace(self) -> Path:
        """A new folder for a run's machines."""
        folder = self.folder / f"run-{next(self.numbers)}"
        folder.mkdir()
        return folder


def world(estate: Estate, folder: Path) -> World:
    """Return the repository: the checkout under test as it lies, with the accounts' own data committed on top."""
    origin = folder / "origin"
    git(folder, "clone", "--quiet", "--local", str(REPOSITORY), str(origin))
    git(origin, "checkout", "--quiet", "-B", "main")
    _as_it_lies(origin)
    git(origin, "config", "receive.denyCurrentBranch", "updateInstead")
    shutil.rmtree(origin / "environments")
    shutil.copytree(estate.environments, origin / "environments")
    git(origin, "add", "--all")
    git(origin, "commit", "--quiet", "--message", "Put in our accounts")
    runners: dict[str, Runner] = {}

    def issue(key: str, audience: str) -> str:
        of = runners["now"].subjects[key]
        return token(estate, "--issuer", "github", "--repository", NAME, "--audience", audience, *of)

    return World(estate, folder, origin, GitHubServer(NAME, issue), runners)


def _as_it_lies(origin: Path) -> None:
    """Take over what is changed and not committed: a developer tests that, too."""
    listed = git(REPOSITORY, "ls-files", "-z", "--modified", "--others", "--exclude-standard").split("\0")
    for name in filter(None, listed):
        if (REPOSITORY / name).is_file():
            (origin / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, origin / name)
        else:
            (origin / name).unlink(missing_ok=True)
