"""The whole way of a change: commit, changed models, image, training, release, approval, qa. Then back again."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.sandbox.estate import REPOSITORY, Estate, Said

pytestmark = pytest.mark.sandbox
BEFORE, AFTER = "rounds = 20\n", "rounds = 45\n"
REFUSED = 3


@dataclass
class Story:
    """Runs commands in a checkout with a commit of its own, with a qa that asks for approval, and writes them down."""

    estate: Estate
    checkout: Path
    environments: Path
    told: list[str] = field(default_factory=list)

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=self.checkout, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout.strip()

    def slipway(self, *arguments: str, here: bool = False) -> Said:
        """Run a command on the estate; `here` with the checkout's own code and files."""
        more = {"SLIPWAY_ENVIRONMENTS": str(self.environments)}
        if here:
            program = [sys.executable, "-c", "import sys; from glue.cli.main import main; sys.exit(main())"]
            done = subprocess.run(
                [*program, *arguments],
                cwd=self.checkout,
                env={**self.estate.environ, "NO_COLOR": "1", **more},
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            said = Said(done.returncode, done.stdout, done.stderr)
        else:
            said = self.estate.slipway(*arguments, **more)
        self.told.append(f"$ slipway {' '.join(arguments)}\n{said.err}{said.out.strip()}\n[exit {said.code}]\n")
        return said

    def asked(self, *arguments: str, here: bool = False) -> dict[str, object]:
        """Run a command that succeeds, and return what it said as JSON."""
        said = self.slipway(*arguments, "--format", "json", here=here)
        assert said.code == 0, said.err[-3000:]
        document: dict[str, object] = said.document
        return document


@pytest.fixture
def story(estate: Estate, tmp_path: Path) -> Iterator[Story]:
    checkout = tmp_path / "checkout"
    subprocess.run(
        ["git", "clone", "--quiet", "--local", str(REPOSITORY), str(checkout)],
        check=True,
        timeout=60,
        capture_output=True,
    )
    (checkout / ".slipway").mkdir()
    (checkout / ".slipway" / "images").symlink_to(REPOSITORY / ".slipway" / "images")  # packages are the same
    environments = tmp_path / "environments"
    shutil.copytree(estate.environments, environments)
    file = environments / "qa" / "environment.tfvars"
    file.write_text(file.read_text().replace("\n  models = {", "\n  gates = { approval = true }\n\n  models = {", 1))
    assert "approvers" in file.read_text(), "bootstrap has made the approvers' role"
    told = Story(estate, checkout, environments)
    before = estate.live_release("qa")
    yield told
    (estate.output / "commit-to-qa.txt").write_text("\n".join(told.told))
    # Others work on this estate: what was live, and the tag of its image, come back.
    said = estate.slipway("promote", before, "--to", "qa", "--apply", "--yes")
    assert said.code == 0, said.err
    assert estate.live_release("qa") == before


def test_a_commit_becomes_a_model_in_qa(story: Story) -> None:
    commit = committed(story)
    digest = pushed(story, commit)
    release = trained(story, commit, digest)
    manifest = story.asked("release", "show", release, "--env", "dev")
    assert (manifest["commit"], manifest["image_digest"]) == (commit, digest)
    approved(story, release)
    assert story.estate.live_release("qa") == release


def committed(story: Story) -> str:
    """Change the model, commit it, and have the pipeline's question answered."""
    settings = story.checkout / "models" / "ranker" / "model.toml"
    assert BEFORE in settings.read_text()
    settings.write_text(settings.read_text().replace(BEFORE, AFTER, 1))
    story.git("commit", "--quiet", "--all", "--message", f"Let the ranker grow more trees ({secrets.token_hex(4)})")
    changed = story.asked("models", "changed", "--since", "HEAD~1", here=True)
    assert (changed["image"], changed["train"]) == (["ranker"], ["ranker"])
    return story.git("rev-parse", "HEAD")


def pushed(story: Story, commit: str) -> str:
    """Build the image of the commit and push it; it is named after the commit."""
    built = story.asked("image", "build", "--model", "ranker", here=True)
    done = story.asked("image", "push", "--model", "ranker", "--env", "dev", here=True)
    assert (built["commit"], done["tag"], done["digest"]) == (commit, commit, built["digest"])
    return str(done["digest"])


def trained(story: Story, commit: str, digest: str) -> str:
    """Submit a job and forget it: the queue trains, and makes the release, which no human has named yet."""
    job = story.checkout / "job.json"
    document = {
        "id": f"ranker-{commit[:12]}",
        "kind": "training",
        "model": "ranker",
        "owner": "search",
        "release": {"bounds": {"ndcg_at_10": {"min": 0.85}, "trees": {"min": 45, "max": 45}}},
        "arguments": {
            "AlgorithmSpecification": {
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "ndcg_at_10", "Regex": "metric ndcg_at_10=([0-9.]+)"}],
            },
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        },
    }
    job.write_text(json.dumps(document))
    done = story.asked("train", "submit", str(job), "--env", "dev", "--image", commit, "--wait", "--yes")
    (ended,) = done["jobs"]  # type: ignore[misc]
    assert (ended["status"], ended["attempt"], ended["reason"]) == ("Completed", 1, None)
    sagemaker = story.estate.client("dev", "sagemaker")
    remote = sagemaker.describe_training_job(TrainingJobName=f"{document['id']}-1")
    assert remote["AlgorithmSpecification"]["TrainingImage"].endswith(digest)
    packages = sagemaker.list_model_packages(ModelPackageGroupName="slipway-dev-ranker", SortBy="CreationTime")
    waiting = [one for one in packages["ModelPackageSummaryList"] if ended["release"] in one["ModelPackageDescription"]]
    assert [one["ModelApprovalStatus"] for one in waiting] == ["PendingManualApproval"]
    return str(ended["release"])


def approved(story: Story, release: str) -> None:
    """Without approval qa takes the files, and no more; with it, the model is live."""
    promote = ("promote", release, "--to", "qa", "--apply", "--yes")
    said = story.slipway(*promote)
    assert said.code == REFUSED
    assert "waits for approval in qa" in said.err + said.out
    assert story.estate.live_release("qa") != release
    story.asked("release", "approve", release, "--env", "qa", "--comment", "better on last week's queries")
    said = story.slipway(*promote)
    assert said.code == 0, said.err[-3000:]
