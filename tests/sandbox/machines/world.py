"""A repository whose main is what the accounts hold, and accounts that trust its pipelines."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from glue.tf.tfvars import Estate as Data
from sandbox.oidc.issuers import CONCOURSE_HOST
from scripts.pipelines import subjects
from tests.sandbox.estate import REPOSITORY, Estate
from tests.sandbox.machines.github import Runner
from tests.sandbox.machines.host import Transcript, git, token
from tests.sandbox.machines.others import ORGANIZATION, PROJECT
from tests.sandbox.machines.vendor import GitHubServer

NAME = "example/slipway"
CHAIN = ("dev", "qa", "production")
LOGS = REPOSITORY / "build" / "pipelines"


VENDORS = subjects.Vendors(NAME, (ORGANIZATION, PROJECT), (CONCOURSE_HOST, "main/slipway"))


def providers(estate: Estate, environment: str) -> str:
    """Return an environment's `identity_providers`, as docs/review/pipelines.md says to make them."""
    data = Data(estate.environments)
    return "\n" + subjects.block(data.environment(environment), VENDORS, last=subjects.is_last(data, environment))


def trust(estate: Estate) -> None:
    """Let an administrator apply the bootstraps that make the accounts trust the pipelines."""

    files = {environment: estate.environments / environment / "environment.tfvars" for environment in CHAIN}
    blocks = {
        name: providers(estate, name) for name, file in files.items() if "identity_providers" not in file.read_text()
    }
    for name, block in blocks.items():  # before anything reads them all
        files[name].write_text(files[name].read_text().replace("\n  models = {", f"{block}\n  models = {{", 1))

    def one(environment: str) -> None:
        for verb in ("plan", "apply"):
            said = estate.slipway(verb, "--env", environment, "--stack", "bootstrap")
            assert said.code == 0, said.err[-3000:]

    with ThreadPoolExecutor() as pool:
        list(pool.map(one, blocks))


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
