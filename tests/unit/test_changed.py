"""Which changes touch which models: patterns, stages, declarations; without git."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.core.changed import (
    Change,
    Model,
    all_of,
    matches,
    model_names,
    nothing_to_compare,
    parse_model,
    shown,
    touched,
)
from glue.errors import UsageError

RANKER = Model("ranker", {"image": ("shared/features/**",), "train": ("shared/features/**", "data/*.csv")})


def of(*changes: Change) -> dict[str, tuple[str, ...]]:
    return {it.model: it.stages for it in touched(changes, [Model("other"), RANKER])}


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("shared", "shared/a/b.py", True),
        ("shared", "shared", True),
        ("shared", "sharedness/a.py", False),
        ("shared/**", "shared/a/b.py", True),
        ("shared/*.py", "shared/a.py", True),
        ("shared/*.py", "shared/a/b.py", False),
        ("**/schema.json", "schema.json", True),
        ("**/schema.json", "a/b/schema.json", True),
        ("a/**/z", "a/z", True),
        ("a/**/z", "a/b/c/z/inside", True),
        ("a/**/z", "b/z", False),
        ("a/?/[xy].py", "a/b/x.py", True),
        ("a/?/[xy].py", "a/bb/x.py", False),
        ("**", "anything/at all", True),
        ("A/**", "a/x", False),
    ],
)
def test_patterns(pattern: str, path: str, expected: bool) -> None:
    assert matches(pattern, path) is expected


def test_a_submodule_stands_for_the_files_below_it() -> None:
    assert matches("shared/lib/src/*.py", "shared/lib", submodule=True)
    assert not matches("shared/lib/src/*.py", "shared/lib")
    assert not matches("shared/other/**", "shared/lib", submodule=True)


def test_a_hostile_pattern_takes_no_time() -> None:
    began = time.process_time()
    assert not matches("/".join(["**", "*a*a*a*a*a*b"] * 30), "/".join(["a" * 200] * 200))
    assert time.process_time() - began < 2


@given(
    st.lists(st.sampled_from(["a", "b", "**", "*"]), min_size=1, max_size=5),
    st.lists(st.sampled_from("ab"), min_size=1, max_size=5),
)
def test_patterns_mean_what_the_simplest_definition_says(parts: list[str], names: list[str]) -> None:
    def whole(rest: list[str], left: list[str]) -> bool:
        if not rest:
            return not left
        if rest[0] == "**":
            return whole(rest[1:], left) or (bool(left) and whole(rest, left[1:]))
        return bool(left) and rest[0] in {left[0], "*"} and whole(rest[1:], left[1:])

    simple = any(whole(parts, names[:end]) for end in range(1, len(names) + 1))
    assert matches("/".join(parts), "/".join(names)) is simple


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("models/ranker/train.py", {"ranker": ("image", "train")}),
        ("models/ranker/deep/er/data.bin", {"ranker": ("image", "train")}),
        ("models/ranker/README.md", {"ranker": ()}),
        ("models/ranker/.gitignore", {"ranker": ()}),
        ("models/ranker-two/train.py", {}),
        ("models/local.py", {}),
        ("image/Dockerfile", {"other": ("image", "train"), "ranker": ("image", "train")}),
        ("image/slipway_runtime/app.py", {"other": ("image", "train"), "ranker": ("image", "train")}),
        ("image/README.md", {}),
        ("image/nginx.conf", {}),
        ("requirements/image.txt", {"other": ("image", "train"), "ranker": ("image", "train")}),
        ("requirements/image.in", {}),
        ("shared/features/a.py", {"ranker": ("image", "train")}),
        ("data/clicks.csv", {"ranker": ("train",)}),
        ("data/deep/clicks.csv", {}),
        ("README.md", {}),
    ],
)
def test_what_a_file_touches(path: str, expected: dict[str, tuple[str, ...]]) -> None:
    assert of(Change("modified", path)) == expected
    assert of(Change("deleted", path)) == expected


def test_of_a_rename_both_places_count_and_of_a_copy_the_new_one() -> None:
    both = {"other": ("image", "train"), "ranker": ("image", "train")}
    assert of(Change("renamed", "models/other/a.py", source="models/ranker/a.py")) == both
    assert of(Change("renamed", "models/ranker/a.py", source="models/ranker/a.md")) == {"ranker": ("image", "train")}
    assert of(Change("copied", "models/other/a.py", source="models/ranker/a.py")) == {"other": ("image", "train")}
    assert of(Change("renamed", "attic/a.py", source="shared/features/a.py")) == {"ranker": ("image", "train")}


def test_reasons_name_the_file_and_the_pattern_and_what_needs_a_stage_is_first() -> None:
    changes = [
        Change("modified", "models/ranker/README.md"),
        Change("added", "image/bin/serve"),
        Change("modified", "data/a.csv"),
        Change("mode", "models/ranker/z.py"),
    ]
    ranker = touched(changes, [RANKER])[0]
    assert [(it.why, it.change, it.path, it.pattern) for it in ranker.reasons] == [
        ("own", "mode", "models/ranker/z.py", None),
        ("declared", "modified", "data/a.csv", "data/*.csv"),
        ("shared", "added", "image/bin/serve", None),
        ("own", "modified", "models/ranker/README.md", None),
    ]


def test_a_file_that_is_shared_and_declared_needs_every_stage() -> None:
    model = Model("m", {"train": ("image/**",)})
    assert touched([Change("modified", "image/bin/train")], [model])[0].stages == ("image", "train")


def test_all_of_them_for_one_reason() -> None:
    found = all_of([Model("b"), Model("a")], "all were asked for")
    assert [(it.model, it.stages, it.reasons[0].change) for it in found] == [
        ("a", ("image", "train"), "all were asked for"),
        ("b", ("image", "train"), "all were asked for"),
    ]


def test_models_are_folders_with_code() -> None:
    files = ["models/a/inference.py", "models/b/train.py", "models/Bad_Name/inference.py", "models/c/x/inference.py"]
    assert model_names(files, ["models/sub", "models/a/vendor"]) == (("a", "sub"), ("Bad_Name",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", {"image": (), "train": ()}),
        (b'name = "m"\n', {"image": (), "train": ()}),
        (b'depends = ["a/", "b/**", "a"]', {"image": ("a", "b/**"), "train": ("a", "b/**")}),
        (b'[depends]\ntrain = ["data/**"]', {"train": ("data/**",)}),
        (b"depends = []", {"image": (), "train": ()}),
    ],
)
def test_declarations(text: bytes, expected: dict[str, tuple[str, ...]]) -> None:
    assert parse_model("m", text).depends == expected
    assert parse_model("m", None).depends == {"image": (), "train": ()}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"depends = [", "cannot be read"),
        (b"depends = \xff", "cannot be read"),
        (b"x = " + b"[" * 5000, "cannot be read"),
        (b'[request]\ndepends = ["a"]', "stands in [request]"),
        (b'dependencies = ["a"]', "is called depends"),
        (b'depends = "a"', "is not a list of patterns"),
        (b"depends = [1]", "is not a list of patterns"),
        (b'[depends]\nserve = ["a"]', "depends has serve"),
        (b'depends = ["../other"]', "'../other', which is no pattern"),
        (b'depends = ["/etc/passwd"]', "no pattern"),
        (b'depends = [""]', "no pattern"),
        (b'depends = ["a//b"]', "no pattern"),
        (b"depends = ['a\\b']", "no pattern"),
        (b'depends = ["' + b"a/" * 100 + b'"]', "no pattern"),
    ],
)
def test_a_declaration_that_nobody_can_mean_is_one_clear_error(text: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=r"models/m/model\.toml") as caught:
        parse_model("m", text)
    assert said in caught.value.message
    assert caught.value.remedy


def test_paths_are_shown_without_control_characters() -> None:
    raw = b"models/x/\xff\n\x1b[31m\xc3\xa9 b.py".decode("utf-8", "surrogateescape")
    assert shown(raw) == "models/x/\\xff\\n\\x1b[31mé b.py"


def test_zeros_are_no_commit() -> None:
    assert nothing_to_compare("0" * 40)
    assert nothing_to_compare("0" * 64)
    assert not nothing_to_compare("0" * 39)
    assert not nothing_to_compare("0" * 40 + "\n")
