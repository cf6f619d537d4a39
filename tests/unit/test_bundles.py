"""A bundle: made as one folder, refused when anything moved, applied once; a killed call leaves the old or the new."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from glue import bundles as local
from glue.bundle_inputs import state_before, state_id
from glue.bundles import PULLED, READING, Bundles, Now, Reviewed
from glue.core import bundle as core
from glue.core.bundle import Maker, Manifest, StateId
from glue.core.environment import Environment
from glue.core.plan import summarize
from glue.errors import RefusedError, UsageError
from glue.workspace import Stack, Workspace
from tests.unit.bundle_support import ANN, NOW, bundles_of
from tests.unit.test_bundle_meaning import plan as made_plan

pytestmark = pytest.mark.slow

STACK = Stack(Environment(name="qa", account_id="222222222222", region="eu-west-1"), "serving", "ranker")
LOCK = 'provider "registry.terraform.io/hashicorp/aws" {\n  version     = "5.100.0"\n  hashes = ["h1:x"]\n}\n'
HERE = StateId("lineage-1", 4)
NOW_THERE = Now("1.11.4", HERE, reads_state=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "terraform/serving/main.tf": "# main",
        "terraform/serving/.terraform.lock.hcl": LOCK,
        "terraform/foundation/main.tf": "# another root",
        "modules/model-endpoint/endpoint.tf": "# endpoint",
        "modules/model-endpoint/README.md": "words",
        "modules/model-endpoint/tests/unit.tftest.hcl": "# test",
        "build/functions/drift-monitor.zip": "code",
        "policy/review-exceptions.toml": "",
        "environments/qa/environment.tfvars": "environment = {}",
        "environments/qa/backend.hcl": 'bucket = "b"',
        "environments/qa/endpoints/ranker.tfvars": "",
        "environments/qa/endpoints/ranker.revisions.tfvars": "",
        "environments/qa/endpoints/other.tfvars": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def workspace(root: Path) -> Workspace:
    return Workspace(root=root, environments=root / "environments", work=root / ".slipway")


@pytest.fixture
def here(workspace: Workspace) -> Bundles:
    return bundles_of(workspace)


def saved_plan(state: StateId | None = HERE) -> bytes:
    """What Terraform saves, as far as it is read: a zip archive with the state."""
    buffer = io.BytesIO()
    found = {"serial": state.serial, "lineage": state.lineage} if state else {"serial": 0, "lineage": ""}
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("tfplan", "x")
        archive.writestr("tfstate", json.dumps(found))
    return buffer.getvalue()


def make(bundles: Bundles, edit: Callable[[dict[str, Any]], object] = lambda _: None) -> Manifest:
    document = made_plan()
    edit(document)
    (bundles.draft(STACK) / core.PLAN).write_bytes(saved_plan())
    return bundles.keep(STACK, document, summarize(document))


def refused(bundles: Bundles, match: str, now: Now = NOW_THERE) -> RefusedError:
    manifest = bundles.find(STACK)
    assert manifest is not None
    with pytest.raises(RefusedError, match=match) as caught:
        bundles.check(STACK, manifest, now)
    return caught.value


def test_a_bundle_says_what_it_is_and_only_its_owner_reads_it(here: Bundles) -> None:
    made = make(here)
    folder = here.folder(STACK)
    assert {path.name for path in folder.iterdir()} == {*core.FILES, core.MANIFEST}
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    assert {oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {"0o600"}
    document = json.loads((folder / core.MANIFEST).read_text())
    assert (document["env"], document["stack"], document["endpoint"]) == ("qa", "serving", "ranker")
    assert document["state"] == {"lineage": "lineage-1", "serial": 4}
    assert document["providers"] == {"registry.terraform.io/hashicorp/aws": "5.100.0"}
    assert document["made_by"] == {"principal": ANN, "role": "deploy-serving"}
    assert set(document["hashes"]) == {*core.FILES, "code", "tfvars", "lock"}
    assert here.find(STACK) == core.decode(core.encode(made))
    here.check(STACK, made, NOW_THERE)


def test_the_same_plan_made_twice_means_the_same_and_is_another_bundle(here: Bundles) -> None:
    first, second = make(here), make(here)
    assert first.semantic == second.semantic
    assert first.digest != second.digest


MOVED = {
    "the saved plan": ("{bundle}/plan.tfplan", "the saved plan .* was changed"),
    "the slim plan": ("{bundle}/plan.slim.json", "the slim plan .* was changed"),
    "the review": ("{bundle}/review.json", "the review .* was changed"),
    "the root": ("terraform/serving/main.tf", "the code: terraform/serving"),
    "a new file": ("modules/model-endpoint/more.tf", "the code: modules/model-endpoint"),
    "a function": ("build/functions/drift-monitor.zip", "the code: build/functions/drift-monitor.zip"),
    "the rules' exceptions": ("policy/review-exceptions.toml", "the code: policy"),
    "tfvars": ("environments/qa/endpoints/ranker.tfvars", "tfvars: endpoints/ranker.tfvars"),
    "revisions": ("environments/qa/endpoints/ranker.revisions.tfvars", "tfvars: endpoints/ranker.revisions"),
    "the environment": ("environments/qa/environment.tfvars", "tfvars: environment.tfvars"),
    "the backend": ("environments/qa/backend.hcl", "tfvars: backend.hcl"),
}


@pytest.mark.parametrize("what", sorted(MOVED))
def test_whatever_moved_refuses_it_and_is_named(what: str, here: Bundles, root: Path) -> None:
    make(here)
    file, message = MOVED[what]
    with (root / file.format(bundle=here.folder(STACK))).open("a") as moved:
        moved.write("x")
    error = refused(here, message)
    assert error.exit_code == 3
    assert "make plan ENV=qa STACK=serving ENDPOINT=ranker" in str(error.remedy)


def test_everything_that_moved_is_told_at_once(here: Bundles, root: Path) -> None:
    make(here)
    (root / "terraform/serving/main.tf").write_text("other")
    (root / "environments/qa/environment.tfvars").unlink()
    told = refused(here, "is stale", Now("1.12.0", StateId("lineage-1", 5), reads_state=True)).message
    for word in ("terraform/serving", "environment.tfvars", "1.11.4 planned it, and 1.12.0", "serial 4", "serial 5"):
        assert word in told


@pytest.mark.parametrize(
    "file",
    [
        "modules/model-endpoint/README.md",
        "modules/model-endpoint/tests/unit.tftest.hcl",
        "terraform/foundation/main.tf",
        "environments/qa/endpoints/other.tfvars",
    ],
)
def test_what_reaches_no_plan_of_it_may_move(file: str, here: Bundles, root: Path) -> None:
    made = make(here)
    (root / file).write_text("other")
    here.check(STACK, made, NOW_THERE)


def test_another_provider_is_named_with_both_versions(here: Bundles, root: Path) -> None:
    make(here)
    (root / "terraform/serving/.terraform.lock.hcl").write_text(LOCK.replace("5.100.0", "5.101.0"))
    refused(here, "the provider lock: aws 5.100.0 is 5.101.0 now")


@pytest.mark.parametrize("state", [StateId("lineage-1", 5), StateId("lineage-2", 4), None])
def test_another_state_refuses_it(state: StateId | None, here: Bundles) -> None:
    make(here)
    refused(here, "the state", Now("1.11.4", state, reads_state=True))


def test_where_nobody_can_ask_for_state_or_version_terraform_itself_does(here: Bundles) -> None:
    here.check(STACK, make(here), Now())


def test_a_first_plan_has_no_state(here: Bundles, tmp_path: Path) -> None:
    (tmp_path / "first").write_bytes(saved_plan(None))
    assert state_before(tmp_path / "first") is None
    assert state_before(tmp_path / "none") is None
    assert state_id(b"{") is None


def test_it_expires(here: Bundles, workspace: Workspace) -> None:
    make(here)
    refused(bundles_of(workspace, clock=lambda: NOW + timedelta(hours=24)), "it expired at 2026-11-22T12:00:00Z")


def test_it_is_used_once(here: Bundles) -> None:
    made = make(here)
    here.use(STACK, made)
    refused(here, "was applied already, at 2026-11-21T12:00:00Z")
    with pytest.raises(RefusedError, match="applied already"):
        here.use(STACK, made)
    here.spend(STACK)
    assert not (here.folder(STACK) / core.PLAN).exists()


def test_what_the_review_forbids_stays_for_reading_and_is_never_applied(workspace: Workspace) -> None:
    bundles = bundles_of(workspace, review=lambda *_: Reviewed("forbidden", ("lost: it goes; keep it",), b"{}", "no"))
    made = make(bundles)
    assert made.refused == ("lost: it goes; keep it",)
    assert "lost: it goes; keep it" in refused(bundles, "the review forbids the plan").message
    assert (bundles.folder(STACK) / core.COMMENT).read_text() == "no"


def test_an_endpoint_that_would_be_made_anew_is_refused_whatever_the_review_says(here: Bundles) -> None:
    made = make(here, lambda plan: plan["resource_changes"][0]["change"].update(actions=["delete", "create"]))
    assert "nobody would answer meanwhile" in made.refused[0]
    refused(here, "aws sagemaker update-endpoint")


def test_a_manifest_that_was_edited_is_of_nobody(here: Bundles) -> None:
    make(here)
    path = here.folder(STACK) / core.MANIFEST
    path.write_bytes(path.read_bytes().replace(b'"grade": "low"', b'"grade": "none"'))
    refused(here, "neither made here nor fetched")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"schema_version": 2}', b'{"schema_version": 1}'])
def test_what_is_no_bundle_is_said_to_be_none(data: bytes, here: Bundles) -> None:
    make(here)
    (here.folder(STACK) / core.MANIFEST).write_bytes(data)
    with pytest.raises(RefusedError, match="is not a bundle"):
        here.find(STACK)


def test_a_plan_of_the_reading_role_is_never_applied(workspace: Workspace) -> None:
    bundles = bundles_of(workspace, maker=lambda _: Maker(ANN, "plan"))
    make(bundles)
    refused(bundles, "made in the role plan, which only reads")


@pytest.fixture
def elsewhere(here: Bundles) -> tuple[Manifest, dict[str, bytes]]:
    """A bundle of another machine."""
    made = make(here)
    files = here.files(STACK)
    here.discard(STACK)
    here._ledger.forget(made.digest)
    return made, files


def test_a_bundle_from_elsewhere_counts_by_who_can_have_written_it(
    here: Bundles, elsewhere: tuple[Manifest, dict[str, bytes]]
) -> None:
    made, files = elsewhere
    here.take(STACK, files, origin=None)
    refused(here, "neither made here nor fetched")
    here.take(STACK, files, origin=PULLED)
    here.check(STACK, made, NOW_THERE)


def test_a_bundle_from_elsewhere_is_whole_and_of_this_stack(
    here: Bundles, elsewhere: tuple[Manifest, dict[str, bytes]]
) -> None:
    _, files = elsewhere
    with pytest.raises(RefusedError, match=r"the review .* was changed"):
        here.take(STACK, {**files, core.REVIEW: b"other"}, origin=PULLED)
    with pytest.raises(RefusedError, match=r"the saved plan .* is missing"):
        here.take(STACK, {name: data for name, data in files.items() if name != core.PLAN}, origin=PULLED)
    with pytest.raises(RefusedError, match="is of qa/serving/ranker, not of qa/serving/other"):
        here.take(Stack(STACK.environment, "serving", "other"), files, origin=PULLED)
    assert here.find(STACK) is None


def test_a_bundle_that_lies_about_its_meaning_is_forged(
    here: Bundles, elsewhere: tuple[Manifest, dict[str, bytes]]
) -> None:
    """Whoever dresses an evil plan up names the meaning of a harmless one: that one is approved already."""
    made, files = elsewhere
    slim = files[core.SLIM].replace(b'"r2"', b'"evil"')
    document = json.loads(files[core.MANIFEST])
    document["hashes"][core.SLIM] = local.of_bytes(slim)
    data = (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
    assert core.decode(data).semantic == made.semantic
    with pytest.raises(RefusedError, match="is forged"):
        here.take(STACK, {**files, core.SLIM: slim, core.MANIFEST: data}, origin=PULLED)


def test_a_plan_to_compare_with_outlives_the_call_that_fetched_it(
    here: Bundles, elsewhere: tuple[Manifest, dict[str, bytes]]
) -> None:
    wanted, files = elsewhere
    here.take(STACK, files, origin=READING)
    assert here.expected(STACK) == here.find(STACK)
    own = make(here)
    expected = here.expected(STACK)
    assert expected is not None
    here.compare(STACK, expected, own)
    assert (expected.digest, expected.semantic) == (wanted.digest, own.semantic)
    here.expect(STACK, None)
    assert here.expected(STACK) is None


@pytest.mark.parametrize(
    ("edit", "grade", "message"),
    [
        (lambda plan: plan["resource_changes"][0]["change"]["after"].update(config="r9"), "low", "something else"),
        (lambda _: None, "high", "graded high here, and was low"),
    ],
)
def test_another_plan_than_the_one_looked_at_is_gone(
    edit: Callable[[dict[str, Any]], object], grade: str, message: str, workspace: Workspace, here: Bundles,
    elsewhere: tuple[Manifest, dict[str, bytes]],
) -> None:  # fmt: skip
    wanted, files = elsewhere
    here.take(STACK, files, origin=READING)
    again = bundles_of(workspace, review=lambda *_: Reviewed(grade, (), b"{}", ""))
    own = make(again, edit)
    with pytest.raises(RefusedError, match=message):
        again.compare(STACK, wanted, own)
    assert again.find(STACK) is None
    assert again.expected(STACK) is not None


def test_a_folder_without_a_bundle_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no bundle\.json"):
        local.from_folder(tmp_path)


class Killed(BaseException):
    """A kill, at one step of the file system."""


@pytest.mark.parametrize("step", range(40))
def test_a_kill_at_any_step_of_a_plan_leaves_the_old_or_the_new(
    step: int, here: Bundles, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make(here)
    steps = iter(range(1000))

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **more: Any) -> Any:
            if next(steps) == step:
                raise Killed
            return real(*words, **more)

        return call

    with monkeypatch.context() as patch:
        of_paths = [(Path, name) for name in ("rename", "mkdir", "replace", "write_bytes", "chmod")]
        for owner, name in [*of_paths, (os, "open"), (os, "fsync"), (shutil, "rmtree")]:
            patch.setattr(owner, name, dying(getattr(owner, name)))
        new = None
        with suppress(Killed):
            new = make(here, lambda plan: plan["resource_changes"].pop())
    found = here.find(STACK)
    assert found is not None
    assert not core.plan_texts(found, local._hashes(here.folder(STACK)))
    here.check(STACK, found, NOW_THERE)
    if new is not None:
        assert found.digest == new.digest
        assert next(steps) <= step, "every step was reached"
    elif found.digest != old.digest:
        assert found.semantic == make(here, lambda plan: plan["resource_changes"].pop()).semantic
