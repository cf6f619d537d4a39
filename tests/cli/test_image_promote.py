"""`slipway image promote`: the environment's tag moves to the digest of a commit's tag."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from glue.aws.session import Session
from tests.aws.conftest import push_image
from tests.cli.conftest import Said

Call = Callable[..., Said]
COMMIT = "0ee" + "5" * 37
WORDS = ("image", "promote", "--model", "ranker", "--env", "qa")


def test_dry_run_then_move_then_nothing_to_do(slipway: Call, qa: Session) -> None:
    digest = push_image(qa, COMMIT, content=b"cli-promote")
    qa.registry.move_tag("slipway/ranker", push_image(qa, "0ff1111", content=b"cli-before"), "qa")
    said = slipway(*WORDS, "--commit", COMMIT, "--latest", "--dry-run")
    assert (said.code, said.out.count("would move")) == (0, 2)
    assert qa.registry.resolve("slipway/ranker", "qa") != digest
    document = json.loads(slipway(*WORDS, "--commit", COMMIT[:7], "--latest", "--format", "json").out)
    assert (document["changed"], document["digest"], document["commit"]) == (True, digest, COMMIT)
    assert [(it["tag"], it["moves"], it["to"]) for it in document["tags"]] == [
        ("qa", True, digest),
        ("latest", True, digest),
    ]
    assert qa.registry.resolve("slipway/ranker", "qa") == digest
    again = slipway(*WORDS, "--commit", COMMIT, "--latest")
    assert (again.code, again.out) == (0, f"Nothing to do: slipway/ranker:qa and latest is {digest} ({COMMIT[:12]})\n")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--commit", "e" * 40), 1, f"slipway/ranker has no image of commit {'e' * 40}"),
        (("--commit", "no-such-branch"), 2, "'no-such-branch' is not a commit of this checkout"),
        (("--commit=-x",), 2, "'-x' is not a commit"),
        (("--commit", COMMIT, "--model", "none"), 2, "model 'none' is not in the foundation of qa"),
        (("--commit", COMMIT, "--env", "nowhere"), 2, "there is no environment 'nowhere'"),
    ],
)
def test_what_cannot_be_promoted_is_one_error(
    slipway: Call, qa: Session, words: tuple[str, ...], code: int, said: str
) -> None:
    done = slipway(*WORDS, *words)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_names_of_the_checkout_are_resolved(slipway: Call, qa: Session) -> None:
    done = slipway(*WORDS, "--commit", "HEAD")
    assert done.code == 1
    assert "has no image of commit" in done.err
