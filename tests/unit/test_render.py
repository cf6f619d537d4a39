"""The next revision: what is rewritten, what is carried over, and when nothing is to do."""

from dataclasses import replace

import pytest

from glue.core import render
from glue.core.environment import Environment
from glue.core.promotion import choose_endpoints, releases_by_variant
from glue.core.revision import Revision, Revisions
from glue.core.rollback import choose, plan_rollback
from glue.core.serving import CaptureSettings, EndpointSettings
from glue.errors import RefusedError, UsageError
from tests.unit.revision_support import (
    BUCKET,
    DIGEST,
    NEXT_RELEASE,
    RELEASE,
    REPOSITORY,
    ROLE,
    foundation,
    history,
    release,
    revision,
    settings,
    variant,
)


def rendered(**changes: object):
    arguments = {"settings": settings(), "releases": {"main": release()}, "foundation": foundation(), "counts": {}}
    return render.content(**{**arguments, **changes})  # type: ignore[arg-type]


def test_everything_of_the_source_becomes_the_targets() -> None:
    source = "s3://slipway-dev-artifacts-111111111111"
    made = rendered(
        releases={
            "main": release(
                source=True,
                WORDS=f"{source}/releases/ranker/{RELEASE}/words.txt",
                TWO=f"{source}/releases/ranker/{RELEASE}/a,{source}/releases/ranker/{RELEASE}/b",
                OTHER=f"{source}/releases/other/{RELEASE}/x",
                PLAIN="yes",
            )
        },
        settings=settings(environment={"PLAIN": "no", "OWN": "1", "SLIPWAY_RELEASE": "another"}),
    )
    main = made.variants["main"]
    prefix = f"s3://{BUCKET}/releases/ranker/{RELEASE}"
    assert main.model_data_url == f"{prefix}/model.tar.gz"
    assert main.image == f"{REPOSITORY}@{DIGEST}"
    assert main.execution_role_arn == ROLE
    assert main.environment == {
        "WORDS": f"{prefix}/words.txt",
        "TWO": f"{prefix}/a,{prefix}/b",
        "OTHER": f"{source}/releases/other/{RELEASE}/x",
        "PLAIN": "no",
        "OWN": "1",
        "SLIPWAY_RELEASE": RELEASE,
        "SAGEMAKER_SUBMIT_DIRECTORY": f"{prefix}/sourcedir.tar.gz",
    }


def test_capture_goes_to_the_targets_bucket() -> None:
    made = rendered(settings=replace(settings(), data_capture=CaptureSettings(sampling_percentage=10)))
    assert made.data_capture is not None
    assert made.data_capture.destination_s3_uri == f"s3://{BUCKET}/capture/ranker"
    assert made.data_capture.modes == ("Input", "Output")
    assert made.data_capture.key_arn == "arn:aws:kms:eu-west-1:222222222222:key/k"


def test_a_model_without_a_release_is_refused_by_name() -> None:
    with pytest.raises(RefusedError, match="also serves ranker"):
        rendered(releases={})


@pytest.mark.parametrize(
    ("asked", "bounds", "live", "frozen", "expected"),
    [
        (1, None, 0, None, 1),  # the first revision
        (2, None, 1, 1, 2),  # the human wants more
        (1, None, 2, 2, 1),  # the human wants fewer than the live revision
        (1, None, 5, 1, 5),  # somebody scaled out by hand: never scale in
        (1, (1, 3), 2, 1, 2),  # autoscaling scaled out
        (1, (1, 3), 9, 1, 3),  # but never beyond its bounds
        (1, (2, 3), 0, None, 2),  # nor below
        (3, (1, 4), 1, 3, 3),
    ],
)
def test_counts_never_scale_in(
    asked: int, bounds: tuple[int, int] | None, live: int, frozen: int | None, expected: int
) -> None:
    chosen = settings(count=asked, bounds=bounds)
    before = revision(frozen) if frozen else None
    assert render.counts(chosen, live={"main": live} if live else {}, frozen=before) == {"main": expected}


def test_the_same_content_is_nothing_to_do_also_when_autoscaling_changed_the_count() -> None:
    before = history(revision(1))
    scaled = render.add(before, revision(3), settings=settings(bounds=(1, 3)), created="x")
    assert (scaled.action, scaled.revisions) == ("same", before)
    asked = render.add(before, revision(3), settings=settings(count=3), created="x")
    assert asked.action == "new"
    by_hand = render.add(before, revision(3), settings=settings(count=1), created="x")
    assert by_hand.action == "same"


def test_equal_content_that_is_retained_becomes_live_again() -> None:
    before = history(revision(1), revision(1, release=NEXT_RELEASE))
    again = render.add(before, revision(1), settings=settings(), created="x")
    assert again.action == "moved"
    assert again.live.startswith("r1-")
    assert again.revisions.revisions == before.revisions


def test_new_content_is_a_new_revision_that_remembers() -> None:
    before = history(revision(1))
    new = render.add(before, revision(1, release=NEXT_RELEASE), settings=settings(), created="now")
    assert new.action == "new"
    assert new.before == before.live
    assert new.revisions.live_revision is not None
    assert (new.revisions.live_revision.replaces, new.revisions.live_revision.created) == (before.live, "now")
    lines = render.difference(before.live_revision, new.revisions.live_revision)
    url = f"s3://{BUCKET}/releases/ranker/"
    assert lines == [
        f"variants.main.model_data_url: {url}{RELEASE}/model.tar.gz -> {url}{NEXT_RELEASE}/model.tar.gz",
        f"variants.main.release: {RELEASE} -> {NEXT_RELEASE}",
    ]


def rollback(revisions: Revisions, **changes: object):
    arguments = {"settings": settings(), "to": None, "live_counts": {}, "now": False, "created": "x"}
    return plan_rollback(revisions, **{**arguments, **changes})  # type: ignore[arg-type]


def test_rollback_goes_to_what_was_replaced() -> None:
    two = history(revision(1), revision(1, release=NEXT_RELEASE))
    plan = rollback(two)
    assert plan.rendered.action == "moved"
    assert plan.rendered.live == min(two.revisions)
    assert plan.rendered.revisions.revisions == two.revisions


def test_rollback_with_more_instances_takes_todays_count_unless_now() -> None:
    two = history(revision(1), revision(1, release=NEXT_RELEASE))
    plan = rollback(two, live_counts={"main": 4}, settings=settings(bounds=(1, 3)))
    assert plan.rendered.action == "new"
    live = plan.rendered.revisions.live_revision
    assert live is not None
    assert live.variants["main"].initial_instance_count == 3
    assert live.variants["main"].release == RELEASE
    assert live.replaces == two.live
    flipped = rollback(two, live_counts={"main": 4}, now=True)
    assert (flipped.rendered.action, flipped.scales_in) == ("moved", {"main": (4, 1)})


def test_rollback_to_the_live_revision_is_nothing_to_do() -> None:
    two = history(revision(1), revision(2))
    assert not rollback(two, to=two.live).rendered.changed


def test_rollback_without_a_way_back_is_refused_and_lists_what_there_is() -> None:
    one = history(revision(1))
    with pytest.raises(RefusedError, match="replaced nothing") as caught:
        choose(one, None)
    assert str(one.live) in str(caught.value)
    with pytest.raises(UsageError, match="is not retained"):
        choose(one, "r9-00000000")
    with pytest.raises(RefusedError, match="no live revision"):
        choose(Revisions(), None)


def two_variants(**weights: int) -> EndpointSettings:
    entry = settings().variants["main"]
    return replace(
        settings(), variants={name: replace(entry, weight=weights.get(name, 1)) for name in ("main", "challenger")}
    )


def ab(main: int = 90, challenger: int = 10) -> Revision:
    """A live revision: RELEASE on main, NEXT_RELEASE on the challenger."""
    return Revision(
        variants={
            "main": variant(weight=main),
            "challenger": variant(weight=challenger, release=NEXT_RELEASE),
        }
    )


def test_variants_of_one_model_have_releases_and_weights_of_their_own() -> None:
    made = rendered(
        settings=two_variants(),
        releases={"main": release(), "challenger": release(NEXT_RELEASE)},
        weights={"main": 90, "challenger": 10},
    )
    assert {name: (v.release, v.weight) for name, v in made.variants.items()} == {
        "main": (RELEASE, 90),
        "challenger": (NEXT_RELEASE, 10),
    }


def test_a_variant_without_a_release_is_refused_with_what_to_do() -> None:
    with pytest.raises(RefusedError, match="no release for challenger yet") as caught:
        rendered(settings=two_variants())
    assert "without --variant" in str(caught.value.remedy)


@pytest.mark.parametrize(
    ("live", "onto", "expected"),
    [
        (None, None, {"main": "new", "challenger": "new"}),
        (None, "challenger", {"challenger": "new"}),
        (revision(), "challenger", {"main": RELEASE, "challenger": "new"}),
        (ab(), "challenger", {"main": RELEASE, "challenger": "new"}),
        (ab(), "main", {"main": "new", "challenger": NEXT_RELEASE}),
        (ab(), None, {"main": "new", "challenger": "new"}),
    ],
)
def test_a_release_goes_onto_one_variant_or_all(
    live: Revision | None, onto: str | None, expected: dict[str, str]
) -> None:
    new = release("ranker-20261123t100000-0a0b0c0")
    found = releases_by_variant(two_variants(), live=live, release=new, variant=onto)
    assert found == {name: new.release if entry == "new" else entry for name, entry in expected.items()}


def test_a_new_variant_begins_with_what_most_of_the_traffic_gets() -> None:
    wider = replace(two_variants(), variants={**two_variants().variants, "third": settings().variants["main"]})
    assert releases_by_variant(wider, live=ab(), release=None)["third"] == RELEASE
    assert releases_by_variant(wider, live=ab(10, 90), release=None)["third"] == NEXT_RELEASE


def test_an_endpoint_without_the_variant_is_not_chosen() -> None:
    target = Environment(name="qa", account_id="2" * 12, region="eu-west-1", project="slipway")
    chosen = choose_endpoints([settings(), two_variants()], model="ranker", target=target, asked=None, variant="main")
    assert len(chosen) == 2
    chosen = choose_endpoints(
        [settings(), two_variants()], model="ranker", target=target, asked=None, variant="challenger"
    )
    assert chosen == [two_variants()]
    with pytest.raises(UsageError, match="by a variant nobody") as caught:
        choose_endpoints([two_variants()], model="ranker", target=target, asked=None, variant="nobody")
    assert "ranker: main, challenger" in str(caught.value.remedy)
