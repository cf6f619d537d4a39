"""The pipelines' own checker: what lies there passes, and whatever could go wrong in a file is found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scripts.pipelines import check, documents, linters, makefile

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ".github/workflows"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of all that the checker reads."""
    for folder in (".github", ".circleci", "pipelines"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for file in ("Makefile", "renovate.json"):
        shutil.copy(ROOT / file, tmp_path / file)
    for environment in (ROOT / "environments").glob("*/environment.tfvars"):
        target = tmp_path / "environments" / environment.parent.name
        target.mkdir(parents=True)
        shutil.copy(environment, target)
    return tmp_path


def changed(checkout: Path, path: str, before: str, after: str) -> str:
    file = checkout / path
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))
    return "\n".join(check.problems(checkout))


def test_the_pipelines_name_only_what_is_there(checkout: Path) -> None:
    assert list(check.problems(checkout)) == []


MUTATIONS = [
    (f"{GITHUB}/stack.yml", "make bundle-push", "make bundle-psuh", "no target `bundle-psuh`"),
    (f"{GITHUB}/stack.yml", "          DIGEST:", "          DIGETS:", "`make bundle-pull` needs DIGEST"),
    (f"{GITHUB}/stack.yml", "          DIGEST:", "          DIGETS:", "nothing below takes DIGETS"),
    (f"{GITHUB}/stack.yml", "      ENV: ${{ inputs.env }}\n", "", "`make plan` needs ENV"),
    (f"{GITHUB}/stack.yml", "needs.plan.outputs.digest", "needs.plan.outputs.digset", "outputs.digset is not defined"),
    (f"{GITHUB}/stack.yml", "steps.push.outputs.digest", "steps.push.outputs.sha", "outputs.sha is not defined"),
    (f"{GITHUB}/stack.yml", "ROLE: plan", "ROLE: admin", "there is no role admin"),
    (f"{GITHUB}/stack.yml", "deploy-${{ inputs.stack }}", "deplyo-${{ inputs.stack }}", "there is no role deplyo-"),
    (f"{GITHUB}/stack.yml", "make identity", "aws sts get-caller-identity", "is no make target"),
    (f"{GITHUB}/stack.yml", "make bundle-push", "make bundle-push NAME=x", "takes no NAME"),
    (f"{GITHUB}/stack.yml", "      id-token: write\n", "      id-token: write\n      contents: write\n", "twice"),
    (f"{GITHUB}/stack.yml", "      actions: read\n", "", "need exactly the permissions actions: read"),
    (f"{GITHUB}/stack.yml", "    timeout-minutes: 30\n", "", "say timeout-minutes"),
    (f"{GITHUB}/stack.yml", "persist-credentials: false", "fetch-depth: 1", "persist-credentials: false"),
    (f"{GITHUB}/environment.yml", "      stack: serving\n", "", "stack.yml needs stack"),
    (f"{GITHUB}/environment.yml", "workflows/stack.yml", "workflows/stock.yml", "there is no workflow"),
    (f"{GITHUB}/environment.yml", "matrix.endpoint", "matrix.name", "matrix.name is not defined"),
    (f"{GITHUB}/deploy.yml", "needs.touched.outputs.qa_serving", "needs.qa.outputs.x", "needs.qa.outputs.x"),
    (f"{GITHUB}/deploy.yml", "outputs.qa_serving }}\n", "outputs.staging_serving }}\n", "staging_serving is not"),
    (f"{GITHUB}/deploy.yml", "permissions: {}", "permissions: write-all", "say `permissions: {}`"),
    (f"{GITHUB}/pull-request.yml", "  pull_request:", "  pull_request_target:", "on: pull_request_target"),
    (f"{GITHUB}/pull-request.yml", "run: make check\n", 'run: make check X="${{ github.sha }}"\n', "no ${{ }}"),
    (f"{GITHUB}/pull-request.yml", "pull_request.base.sha", "pull_request.title", "may hold what outsiders write"),
    (f"{GITHUB}/pull-request.yml", "${{ github.token }}", "${{ secrets.AWS_KEY }}", "secrets.AWS_KEY is not defined"),
    (f"{GITHUB}/pull-request.yml", " # v5.0.0", " # v5", "pin the action by its commit"),
    (f"{GITHUB}/pull-request.yml", "@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0", "@v5", "pin the action"),
    (f"{GITHUB}/pull-request.yml", "    runs-on: ubuntu-24.04\n", "", "schema github-workflows"),
    (".circleci/config.yml", "make record", "make recrod", "no target `recrod`"),
    (".circleci/config.yml", '"$CIRCLE_SHA1"', '"$CIRCLE_SHA"', "$CIRCLE_SHA is defined nowhere"),
    (".circleci/config.yml", "changed-models-train.txt", "changed-models-trian.txt", "no make target writes"),
    (".circleci/config.yml", '"$MODEL" PUSH=1', '"$MODLE" PUSH=1', "$MODLE is defined nowhere"),
    (".circleci/config.yml", "          context: slipway\n", "", "only to a job with a context"),
    (".circleci/config.yml", "requires: [models]", "requires: [model]", "requires model"),
    (".circleci/config.yml", "<< parameters.since >>", "<< parameters.before >>", "parameters.before >> is not"),
    (".circleci/config.yml", "@sha256:", ":sha256-", "pin the image by its digest"),
    (".circleci/config.yml", "workflows:", "workflow:", "no workflow runs the job models"),
    ("pipelines/concourse.yml", "make verify", "make verfiy", "no target `verfiy`"),
    ("pipelines/concourse.yml", "MODEL: ranker", "MODELL: ranker", "`make image` needs MODEL"),
    ("pipelines/concourse.yml", "((aws:token))", "((awz:token))", "no var source awz"),
    ("pipelines/concourse.yml", "private_key: ((git-key))", "private_key: ((git-kye))", "((git-kye)) is set nowhere"),
    ("pipelines/concourse.yml", "repository: recorded", "repository: recroded", "needs recroded"),
    ("pipelines/concourse.yml", "outputs: [{ name: release,", "outputs: [{ name: relaese,", "makes release"),
    ("pipelines/concourse.yml", "    serial: true\n", "", "say `serial: true`"),
    ("pipelines/concourse.yml", "trigger: true", "triggers: true", "schema concourse"),
    ("pipelines/concourse.yml", 'make image PUSH=1', 'curl example.com | bash', "is no make target"),
    ("Makefile", "verify: setup need-env", "verfy: setup need-env", "no target `verify`"),
    ("Makefile", '--digest "$${DIGEST:?Say which plan: DIGEST=…}"', "", "nothing below takes DIGEST"),
    ("renovate.json", '"dependencyDashboard": true', '"dependencyDashboard": 7', "schema renovate"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "before", "after", "said"), MUTATIONS)
def test_what_could_go_wrong_is_found(checkout: Path, path: str, before: str, after: str, said: str) -> None:
    assert said in changed(checkout, path, before, after)


def test_a_missing_file_is_found(checkout: Path) -> None:
    (checkout / "pipelines/concourse.yml").unlink()
    assert "pipelines/concourse.yml" in "\n".join(check.problems(checkout))


@pytest.mark.parametrize("text", ["a: 1\na: 2\n", "- a\n", "a: [", "a: &x {b: *x}\n"])
def test_yaml_with_a_surprise_is_refused(text: str) -> None:
    with pytest.raises(documents.BrokenError):
        documents.load(text)


def test_zizmor_finds_what_it_should(checkout: Path) -> None:
    assert list(linters.zizmor(checkout / ".github")) == []
    file = checkout / GITHUB / "drift.yml"
    file.write_text(file.read_text().replace("make drift", 'echo "${{ github.event.issue.title }}"', 1))
    assert "template-injection" in "\n".join(linters.zizmor(checkout / ".github"))


def test_the_makefiles_targets_are_read() -> None:
    found = makefile.targets((ROOT / "Makefile").read_text())
    assert found["plan"].needs == {"ENV"}
    assert found["plan"].takes == {"ENV", "STACK", "ENDPOINT"}
    assert found["promote"].needs == {"RELEASE", "TO"}
    assert "COMMIT" in found["train"].takes - found["train"].needs


def test_no_value_from_outside_is_read_by_make() -> None:
    """`$(NAME)` of a value from the environment would be expanded by make, functions included."""
    text = (ROOT / "Makefile").read_text()
    section = text[text.index("##@ Pipelines") : text.index("##@ Upkeep")]
    assert "$(" in section
    for name in ("ENV", "STACK", "ENDPOINT", "SINCE", "RELEASE", "TO", "DIGEST", "MODEL", "COMMIT", "FILE", "FILES"):
        assert f"$({name})" not in section
