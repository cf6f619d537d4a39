"""Several environments behind one: in waves, side by side within one, and nothing after a wave that failed."""

from __future__ import annotations

import io
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.console import Console
from glue.core import waves
from glue.core.environment import Environment, Neighbour
from glue.errors import RefusedError, UsageError
from glue.waves import Rolled, roll


def env(name: str, source: str | None = "qa", wave: int = 1) -> Environment:
    neighbour = Neighbour(source, "222222222222", "eu-west-1") if source else None
    return Environment(name, "222222222222", "eu-west-1", promotes_from=neighbour, wave=wave)


TREE = {
    one.name: one
    for one in (env("dev", None), env("qa", "dev"), env("eu"), env("us", wave=2), env("ap", wave=2), env("me", wave=5))
}


def names(found: list[list[Environment]]) -> list[list[str]]:
    return [[there.name for there in wave] for wave in found]


def test_all_behind_an_environment_go_in_the_order_of_their_waves() -> None:
    behind = waves.behind(TREE, "qa")
    assert behind == ("ap", "eu", "me", "us")
    assert names(waves.in_waves(TREE, behind)) == [["eu"], ["ap", "us"], ["me"]]
    assert names(waves.in_waves(TREE, behind, one_by_one=True)) == [["eu"], ["ap"], ["us"], ["me"]]


def test_nothing_behind_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no environment promotes from eu"):
        waves.behind(TREE, "eu")


def test_a_target_that_promotes_from_another_target_comes_later() -> None:
    with pytest.raises(UsageError) as caught:
        waves.in_waves(TREE, ["qa", "eu"])
    assert caught.value.remedy == "Promote to qa first, and to eu when the release has proven itself there."


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (env("eu", "gone"), "eu promotes from gone, which does not exist"),
        (env("qa", "eu"), "qa promotes from itself, by way of eu and qa"),
        (env("qa", "qa"), "qa promotes from itself, by way of qa"),
    ],
)
def test_what_is_not_a_tree_is_found(changed: Environment, said: str) -> None:
    assert waves.problems(TREE) == []
    assert said in waves.problems({**TREE, changed.name: changed})


def test_a_wrong_neighbour_is_found() -> None:
    wrong = Environment("eu", "1" * 12, "eu-west-1", promotes_from=Neighbour("qa", "3" * 12, "eu-west-1"))
    assert waves.problems({**TREE, "eu": wrong}) == ["eu says that qa is 333333333333 in eu-west-1, and it is not"]


def go(bad: set[str], story: io.StringIO, *, one_by_one: bool = False) -> tuple[Rolled[str], list[str]]:
    done: list[str] = []

    def work(there: Environment) -> str:
        done.append(there.name)
        if there.name in bad:
            raise RefusedError(f"{there.name} is frozen")
        return there.name

    found = waves.in_waves(TREE, waves.behind(TREE, "qa"), one_by_one=one_by_one)
    return roll(found, work, good=bool, console=Console(stream=story, environ={})), done


def test_all_good_touches_all() -> None:
    rolled, done = go(set(), io.StringIO())
    assert sorted(done) == ["ap", "eu", "me", "us"]
    assert rolled.untouched == ()
    assert [(wave, outcome.value) for wave, outcome in rolled.outcomes] == [(1, "eu"), (2, "ap"), (2, "us"), (3, "me")]


def test_a_wave_that_fails_is_the_last_and_the_account_is_clear() -> None:
    story = io.StringIO()
    rolled, done = go({"ap"}, story)
    assert sorted(done) == ["ap", "eu", "us"]
    assert [there.name for there in rolled.untouched] == ["me"]
    assert "ap did not succeed: me not touched" in story.getvalue()


def test_one_by_one_stops_within_a_wave() -> None:
    rolled, done = go({"ap"}, io.StringIO(), one_by_one=True)
    assert done == ["eu", "ap"]
    assert [there.name for there in rolled.untouched] == ["us", "me"]


def test_a_bad_result_stops_as_an_error_does() -> None:
    found = waves.in_waves(TREE, ["eu", "us"])
    rolled = roll(found, lambda _: 1, good=lambda code: code == 0, console=Console(stream=io.StringIO(), environ={}))
    assert [there.name for there in rolled.untouched] == ["us"]


def test_a_wave_goes_side_by_side() -> None:
    both = threading.Barrier(2, timeout=10)
    found = waves.in_waves(TREE, ["ap", "us"])
    rolled = roll(found, lambda _: both.wait() >= 0, good=bool, console=Console(stream=io.StringIO(), environ={}))
    assert len(rolled.outcomes) == 2


@given(
    st.dictionaries(st.sampled_from(["eu", "us", "ap", "me"]), st.integers(1, 4)),
    st.sets(st.sampled_from(["eu", "us", "ap", "me"])),
)
def test_nothing_of_a_later_wave_begins_before_all_of_the_earlier_succeeded(
    sizes: dict[str, int], bad: set[str]
) -> None:
    tree = {**TREE, **{name: env(name, wave=wave) for name, wave in sizes.items()}}
    began: list[str] = []

    def work(there: Environment) -> bool:
        began.append(there.name)
        return there.name not in bad

    found = waves.in_waves(tree, sorted(sizes))
    rolled = roll(found, work, good=bool, console=Console(stream=io.StringIO(), environ={}))
    for name in began:
        assert not any(sizes[other] < sizes[name] for other in sizes if other in bad)
    assert sorted(began + [there.name for there in rolled.untouched]) == sorted(sizes)
