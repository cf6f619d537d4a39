"""A revision that failed live is marked, is not tried again by accident, and is skipped by a rollback."""

from pathlib import Path

import pytest

from glue.core import render
from glue.core.revision import Revisions, content_hash, remark
from glue.core.rollback import choose, plan_rollback
from glue.errors import RefusedError
from glue.tf import revisions_file
from tests.unit.revision_support import history, revision, settings

WHY = "2026-11-21T10:00:00Z: alarm slipway-qa-ranker-main-errors-5xx rang"


def failed_second(*, count: int = 1) -> tuple[Revisions, str, str]:
    """Two revisions of which the second failed and the first is live again."""
    both = history(revision(), revision(count, environment={"A": "2"}))
    first, second = list(both.revisions)
    return both.fail(second, reason=WHY).move(first), first, second


def test_a_mark_is_no_content_and_survives_the_file(tmp_path: Path) -> None:
    found, _, second = failed_second()
    assert content_hash(found.revisions[second]) == content_hash(revision(environment={"A": "2"}))
    path = tmp_path / "x.revisions.tfvars"
    revisions_file.save(path, found)
    assert revisions_file.load(path) == found
    assert revisions_file.load(path).revisions[second].failed == WHY


def test_a_file_without_failures_has_no_word_of_them() -> None:
    assert "failed" not in revisions_file.render(history(revision()))


@pytest.mark.parametrize("reason", ['a "b" \\ ${c} %{d}', "two\nlines\r\n\tand\x1b[31m red", "x" * 5000, "\u2028é"])
def test_whatever_aws_says_is_one_line_of_the_file(tmp_path: Path, reason: str) -> None:
    both = history(revision(), revision(2))
    marked = both.fail(str(both.live), reason=reason)
    path = tmp_path / "x.revisions.tfvars"
    revisions_file.save(path, marked)
    said = revisions_file.load(path).revisions[str(both.live)].failed
    assert said == remark(reason)
    assert said.isprintable()
    assert len(said) <= 500


def test_the_first_reason_is_kept() -> None:
    found, _, second = failed_second()
    assert found.fail(second, reason="another").revisions[second].failed == WHY


@pytest.mark.parametrize("count", [1, 3])
def test_the_same_content_is_refused_whatever_its_instance_count(count: int) -> None:
    found, first, second = failed_second()
    wanted = revision(count, environment={"A": "2"})
    with pytest.raises(RefusedError, match=second) as caught:
        render.add(found, wanted, settings=settings(count=count), created="now")
    assert WHY in caught.value.message
    assert "--retry" in str(caught.value.remedy)
    again = render.add(found, wanted, settings=settings(count=count), created="now", retry=True)
    assert again.action == ("moved" if count == 1 else "new")
    assert again.before == first
    assert [entry.failed for entry in again.revisions.revisions.values()] == [None] * len(again.revisions.revisions)


def test_other_content_is_not_refused() -> None:
    found, _, _ = failed_second()
    made = render.add(found, revision(environment={"A": "3"}), settings=settings(), created="now")
    assert made.action == "new"
    assert made.revisions.live_revision is not None
    assert made.revisions.live_revision.failed is None


def test_a_live_revision_that_is_marked_is_refused_and_cleared_by_a_retry() -> None:
    one = history(revision())
    marked = one.fail(str(one.live), reason=WHY)
    with pytest.raises(RefusedError, match="failed and is not tried again"):
        render.add(marked, revision(), settings=settings(), created="now")
    again = render.add(marked, revision(), settings=settings(), created="now", retry=True)
    assert (again.action, again.changed, again.live) == ("moved", True, one.live)
    entry = again.revisions.live_revision
    assert entry is not None
    assert (entry.failed, entry.retried) == (None, WHY)


def test_what_was_forgiven_is_still_known() -> None:
    found, _, second = failed_second()
    reason = WHY.partition(": ")[2]
    assert found.explains(reason)
    assert not found.explains("another alarm rang")
    forgiven = found.admit(found.revisions[second], retry=True)
    assert forgiven.explains(reason)
    assert not forgiven.fail(second, reason="another alarm rang").explains("a third one")


def test_going_back_is_written_and_ends_with_the_next_promotion(tmp_path: Path) -> None:
    both = history(revision(), revision(environment={"A": "2"}))
    first, second = list(both.revisions)
    back = plan_rollback(both, settings=settings(), to=None, live_counts={"main": 1}, now=False, created="now")
    assert (back.rendered.live, back.rendered.revisions.returning) == (first, True)
    path = tmp_path / "x.revisions.tfvars"
    revisions_file.save(path, back.rendered.revisions)
    assert "returning = true" in path.read_text()
    assert revisions_file.load(path) == back.rendered.revisions
    again = render.add(revisions_file.load(path), both.revisions[second], settings=settings(), created="now")
    assert (again.live, again.revisions.returning) == (second, False)
    revisions_file.save(path, again.revisions)
    assert "returning" not in path.read_text()


def test_what_aws_serves_may_always_be_gone_back_to() -> None:
    found, _, second = failed_second()
    back = found.back(second)
    assert (back.live, back.returning, back.revisions[second].failed) == (second, True, None)


def test_of_two_equal_contents_the_good_one_is_found() -> None:
    both = history(revision(), revision(2)).add(revision(), created="later")
    first, _, third = list(both.revisions)
    assert both.find(revision()) == third
    assert both.fail(third, reason=WHY).find(revision()) == first


def test_a_rollback_skips_what_failed() -> None:
    three = history(*(revision(environment={"A": str(number)}) for number in range(3)))
    first, second, third = list(three.revisions)
    assert choose(three, None) == second
    assert choose(three.fail(second, reason=WHY), None) == first
    with pytest.raises(RefusedError, match=f"no good revision before {third}"):
        choose(three.fail(second, reason=WHY).fail(first, reason=WHY), None)


def test_a_rollback_onto_what_failed_needs_a_retry() -> None:
    found, _, second = failed_second(count=2)

    def plan(*, retry: bool) -> render.Rendered:
        return plan_rollback(
            found, settings=settings(), to=second, live_counts={"main": 1}, now=False, created="now", retry=retry
        ).rendered

    with pytest.raises(RefusedError, match=f"revision {second} failed"):
        plan(retry=False)
    made = plan(retry=True)
    assert (made.live, made.action) == (second, "moved")
    assert made.revisions.revisions[second].failed is None


def test_a_rollback_with_todays_count_stands_for_what_it_went_back_to() -> None:
    three = history(*(revision(environment={"A": str(number)}) for number in range(3)))
    first, second, third = list(three.revisions)
    back = plan_rollback(three, settings=settings(), to=None, live_counts={"main": 4}, now=False, created="now")
    assert back.to == second
    assert back.rendered.action == "new"
    assert back.rendered.revisions.live_revision.replaces == third  # type: ignore[union-attr]
    assert choose(back.rendered.revisions, None) == first


def test_a_live_revision_that_failed_is_moved_to_with_a_retry() -> None:
    one = history(revision())
    live = str(one.live)
    marked = one.fail(live, reason=WHY)
    with pytest.raises(RefusedError):
        plan_rollback(marked, settings=settings(), to=live, live_counts={}, now=False, created="now")
    made = plan_rollback(marked, settings=settings(), to=live, live_counts={}, now=False, created="now", retry=True)
    assert (made.rendered.live, made.rendered.changed) == (live, True)
