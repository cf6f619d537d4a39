"""Several variants of one model: releases of their own, weights that shift, a winner, and a shadow that is compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from glue.aws.session import Session
from glue.core.request import ReleaseRequest
from glue.core.revision import Revision
from glue.releasing import create_release, plan_release
from glue.tf import revisions_file
from tests.aws.conftest import Estate, archive, model_members
from tests.cli.conftest import Said, check_golden

Call = Callable[..., Said]
FILE = "environments/qa/endpoints/ranker.revisions.tfvars"
VARIANT = '{ model = "ranker", instance_type = "ml.m5.large", instance_count = 1 }'
QA = ("--env", "qa", "--endpoint", "ranker")
PREPARED: dict[str, str] = {}


@pytest.fixture(scope="module")
def two(dev: Session, image: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Two releases of one model in dev's store."""
    made = []
    for number in range(2):
        path = tmp_path_factory.mktemp("two") / "model.tar.gz"
        path.write_bytes(archive(model_members(name=f"two-{number}".encode())))
        wanted = ReleaseRequest(model="ranker", archive=str(path), image=image, commit="1a2b3c4d")
        moment = datetime(2026, 3, 1, number, tzinfo=UTC)
        plan = plan_release(wanted, session=dev, clock=lambda moment=moment: moment)  # type: ignore[misc]
        made.append(create_release(plan, session=dev).release.release)
    return made[0], made[1]


def settings(data: Path, *, shadow: bool = False, capture: str = "null") -> None:
    """Write qa's endpoint with a challenger, or with a shadow called dark."""
    inner = f"main = {VARIANT}\n    challenger = {VARIANT}"
    more = ""
    if shadow:
        inner, more = f"main = {VARIANT}", f"shadow_variants = {{\n    dark = {VARIANT}\n  }}"
    serving = f"variants = {{\n    {inner}\n  }}\n  {more}\n  data_capture = {capture}"
    text = f'endpoint = "ranker"\nserving = {{\n  {serving}\n}}\n'
    (data / "environments/qa/endpoints/ranker.tfvars").write_text(text)


def live(data: Path) -> Revision:
    found = revisions_file.load(data / FILE).live_revision
    assert found is not None
    return found


def shown(revision: Revision) -> dict[str, tuple[str, int]]:
    return {name: (variant.release, variant.weight) for name, variant in revision.all_variants.items()}


def promote(slipway: Call, release: str, *words: str) -> Said:
    return slipway("promote", release, "--to", "qa", "--image-timeout", "0", *words)


def test_from_two_releases_to_a_winner(slipway: Call, data: Path, two: tuple[str, str]) -> None:
    settings(data)
    one, other = two
    assert "without --variant first" in promote(slipway, other, "--variant", "challenger").err
    assert promote(slipway, one).code == 0
    assert shown(live(data)) == {"challenger": (one, 1), "main": (one, 1)}
    assert promote(slipway, other, "--variant", "challenger").code == 0
    assert shown(live(data)) == {"challenger": (other, 1), "main": (one, 1)}

    said = slipway("traffic", *QA, "--set", "main=90", "--set", "challenger=10")
    assert said.code == 0
    check_golden("traffic-set", said.out)
    check_golden("traffic-set-story", said.err)
    assert shown(live(data)) == {"challenger": (other, 10), "main": (one, 90)}
    assert "Nothing to do" in slipway("traffic", *QA, "--set", "main=90").out

    # a later promotion keeps the weights, and says so
    story = promote(slipway, one, "--variant", "main").err
    assert "weight of main stays 90: 1 in the file was for its first revision" in story
    assert shown(live(data))["main"] == (one, 90)

    before = (data / FILE).read_text()
    dry = json.loads(slipway("traffic", *QA, "--winner", "challenger", "--dry-run", "--format", "json").out)
    assert (dry["changed"], dry["weights"], dry["shares"]) == (
        False,
        {"challenger": 10, "main": 90},
        {"challenger": 0.1, "main": 0.9},
    )
    assert (data / FILE).read_text() == before
    assert slipway("traffic", *QA, "--winner", "challenger").code == 0
    assert shown(live(data)) == {"challenger": (other, 10), "main": (other, 90)}
    assert "Nothing to do" in promote(slipway, other).out


def test_shares_are_shown_as_wanted_and_as_seen(slipway: Call, data: Path, two: tuple[str, str]) -> None:
    assert slipway("traffic", *QA).code == 3  # nothing is live
    settings(data)
    (data / FILE).write_text(_prepared(slipway, data, two))
    slipway("traffic", *QA, "--set", "main=3")
    said = slipway("traffic", *QA)
    assert said.code == 3
    check_golden("traffic", said.out.replace(two[0], "<release>"))
    document = json.loads(slipway("traffic", *QA, "--format", "json").out)
    assert {row["variant"]: row["wanted"] for row in document["variants"]} == {
        "challenger": {"weight": 1, "share": 0.25},
        "main": {"weight": 3, "share": 0.75},
    }
    assert document["drifted"] == ["challenger", "main"]


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("--set", "main"), 2, "is not like main=90"),
        (("--set", "main=-1"), 2, "is not like main=90"),
        (("--set", "main=0.5"), 2, "is not like main=90"),
        (("--set", "main=٣"), 2, "is not like main=90"),
        (("--set", "main=9999999"), 2, "is not from 0 to 1000000"),
        (("--set", "main=1", "--set", "main=2"), 2, "set twice"),
        (("--set", "main=1", "--winner", "main"), 2, "are two revisions"),
        (("--apply",), 2, "nothing to apply"),
        (("--set", "red=1"), 2, "has no variant red"),
        (("--set", "main=0", "--set", "challenger=0"), 2, "no variant takes any request"),
        (("--winner", "red"), 2, "has no variant red"),
        (("--since", "1w"), 2, "is not a duration"),
    ],
)
def test_what_cannot_be_shifted(
    slipway: Call, data: Path, two: tuple[str, str], words: tuple[str, ...], code: int, reason: str
) -> None:
    settings(data)
    (data / FILE).write_text(_prepared(slipway, data, two))
    said = slipway("traffic", *QA, *words)
    assert (said.code, reason in said.err) == (code, True), said.err


def _prepared(slipway: Call, data: Path, two: tuple[str, str]) -> str:
    """A revisions file with both variants, promoted once for all these tests."""
    if "text" not in PREPARED:
        promote(slipway, two[0])
        PREPARED["text"] = (data / FILE).read_text()
    return PREPARED["text"]


def test_a_freeze_counts_for_traffic_too(slipway: Call, data: Path, two: tuple[str, str]) -> None:
    settings(data)
    (data / FILE).write_text(_prepared(slipway, data, two))
    path = data / "environments/qa/environment.tfvars"
    freeze = 'freezes = { sale = { starts = "2020-01-01T00:00", ends = "2099-01-01T00:00", reason = "sale" } }'
    path.write_text(path.read_text().rstrip().removesuffix("}") + f"  {freeze}\n}}\n")
    before = (data / FILE).read_text()
    for words in (("--set", "main=2"), ("--set", "main=2", "--dry-run"), ("--winner", "main")):
        said = slipway("traffic", *QA, *words)
        assert (said.code, "freeze:" in said.err) == (3, True), said.err
    assert (data / FILE).read_text() == before
    assert slipway("traffic", *QA).code == 3  # to look is not frozen: it is not deployed


def exchange(number: int, score: float, version: str, *, event: str) -> str:
    answer = {"model": {"version": version}, "ranking": [{"id": "a", "score": score}]}
    sides = {
        "endpointInput": {"observedContentType": "application/json", "data": f"[{number}]", "encoding": "JSON"},
        "endpointOutput": {"observedContentType": "application/json", "data": json.dumps(answer), "encoding": "JSON"},
    }
    at = (datetime.now(UTC) - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = {"eventId": event, "inferenceId": f"i-{number}", "inferenceTime": at}
    return json.dumps({"captureData": sides, "eventMetadata": about, "eventVersion": "0"})


def test_a_shadow_is_compared_and_wins(
    slipway: Call, data: Path, two: tuple[str, str], estate: Estate, qa: Session
) -> None:
    one, other = two
    promote(slipway, one)
    said = slipway("shadow", "report", *QA)
    assert (said.code, "has no shadow variant" in said.err) == (3, True)
    settings(data, shadow=True, capture="{ sampling_percentage = 50 }")
    promote(slipway, other, "--variant", "dark")
    assert shown(live(data)) == {"main": (one, 1), "dark": (other, 1)}
    assert (live(data).variants.keys(), live(data).shadow_variants.keys()) == ({"main"}, {"dark"})

    lines = {
        "main": [exchange(n, 1.0, "1", event=f"p{n}") for n in range(4)],
        "dark": [exchange(n, 1.0 if n else 1.5, "2", event=f"s{n}") for n in range(5)] + ["{", ""],
    }
    hour = f"{datetime.now(UTC) - timedelta(minutes=5):%Y/%m/%d/%H}"
    for variant, text in lines.items():
        key = f"capture/ranker/slipway-qa-ranker/{variant}/{hour}/00-00-000-x.jsonl"
        estate.client("s3", "qa").put_object(Bucket=qa.environment.artifact_bucket, Key=key, Body="\n".join(text))
    report = ("shadow", "report", *QA, "--ignore", "model.version")
    said = slipway(*report)
    assert said.code == 0
    check_golden("shadow-report", said.out)
    document = json.loads(slipway(*report, "--require", "80", "--format", "json").out)
    assert (document["pairs"], document["agreed"], document["agreement"], document["enough"]) == (4, 3, 0.75, False)
    assert document["matched_by"] == {"inference_id": 4}
    assert document["shadow"]["unreadable"] == {"not JSON": 1}
    assert document["numbers"][0]["max"] == 0.5
    assert slipway(*report, "--require", "80").code == 3
    assert slipway(*report, "--require", "75").code == 0
    assert slipway(*report, "--tolerance", "0.5", "--require", "100").code == 0
    assert json.loads(slipway("shadow", "report", *QA, "--format", "json").out)["agreed"] == 0
    assert "no retained revision has a shadow variant red" in slipway(*report, "--shadow", "red").err

    said = slipway("traffic", *QA, "--set", "dark=2")
    assert (said.code, "weight 2 of the shadow dark is not from 1 to 1" in said.err) == (2, True)
    assert slipway("traffic", *QA, "--set", "main=4").code == 0
    assert slipway("traffic", *QA, "--winner", "dark").code == 0
    assert shown(live(data)) == {"main": (other, 4), "dark": (other, 1)}
