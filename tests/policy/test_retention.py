"""Life-cycle rules, bucket policy and `slipway prune` must agree: what prune keeps, nothing else may take away."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

from glue.core import audit, names

ROOT = Path(__file__).resolve().parents[2]
STORE = ROOT / "modules" / "artifact-store"
REGISTRY = (ROOT / "modules" / "image-registry" / "repositories.tf").read_text()
FOUNDATION = (ROOT / "terraform" / "foundation" / "artifacts.tf").read_text()
# Written once, and gone all the same: labels go with the requests that they label, plans are of today.
SHORT_LIVED = {"feedback/", "plans/"}
EXPIRING = re.findall(r'prefix = "([^"]+)", expiration_days', (STORE / "main.tf").read_text())


def quoted(text: str, setting: str) -> set[str]:
    """The strings of the list that a setting is given."""
    found = re.search(rf"{setting}\s*=\s*\[([^\]]*)\]", text)
    assert found, f"{setting} is not set"
    return set(re.findall(r'"([^"]+)"', found[1]))


def test_nothing_that_is_kept_expires() -> None:
    kept = quoted(FOUNDATION, "immutable_prefixes") - SHORT_LIVED
    assert kept >= {audit.PREFIX, "evidence/", "release-index/", "releases/"}
    assert EXPIRING
    assert not [(one, other) for one in kept for other in EXPIRING if one.startswith(other) or other.startswith(one)]


def test_the_stores_own_check_knows_every_prefix_that_expires() -> None:
    text = (STORE / "variables.tf").read_text()
    checked = re.search(r"for expiring in \[([^\]]*)\]", text)
    assert checked
    assert set(re.findall(r'"([^"]+)"', checked[1])) == set(EXPIRING) - SHORT_LIVED


def test_only_releases_can_be_pruned() -> None:
    text = (STORE / "variables.tf").read_text()
    block = text[text.index('variable "prunable_prefixes"') :]
    assert quoted(block, "default") == {"releases/"}
    assert "prunable_prefixes" not in FOUNDATION
    assert "-prune" in FOUNDATION[FOUNDATION.index("pruner_role_arns") :].splitlines()[0]


def test_every_rule_for_tagged_images_comes_after_the_one_that_spares_pinned_ones() -> None:
    rules = re.findall(r"rulePriority = (\d+)(.*?)action =", REGISTRY, re.DOTALL)
    assert [int(priority) for priority, _ in rules] == [1, 2, 3]
    statuses = [re.search(r'tagStatus\s+= "(\w+)"', body) for _, body in rules]
    assert [status[1] for status in statuses if status] == ["untagged", "tagged", "any"]


def test_the_tag_of_a_pin_is_the_one_that_is_spared() -> None:
    pattern = re.search(r'\? \[\] : \["(sha256-\*)"\]', REGISTRY)
    assert pattern
    assert fnmatch.fnmatchcase(names.pin_tag("sha256:" + "0af3" * 16), pattern[1])
