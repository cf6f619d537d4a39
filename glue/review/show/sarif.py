"""A review as SARIF 2.1.0, which code scanning and editors read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html; what GitHub takes of it:
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from urllib.parse import quote

from glue.review.model import Finding, Grade, Review
from glue.review.rules import Rule
from glue.review.show.report import Report, exception_text, headline
from glue.review.values import plain

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MOST = 5_000  # results that GitHub shows of a run; the worst come first
_LEVELS = {
    Grade.NONE: "none", Grade.LOW: "note", Grade.MEDIUM: "warning", Grade.HIGH: "error", Grade.FORBIDDEN: "error",
}  # fmt: skip


def document(
    report: Report,
    *,
    rules: Mapping[str, Rule],
    files: Mapping[str, str],
    scope: str = "plan",
    version: str | None = None,
) -> dict[str, object]:
    """Return one run over all plans. `files` gives a plan's own file in the repository, relative to its root;
    `version` is this package's.
    """
    found = sorted(
        ((finding, review) for review in report.reviews for finding in review.findings), key=lambda pair: -pair[0].grade
    )
    shown = found[:MOST]
    ids = sorted({finding.rule for finding, _ in shown})
    seen: Counter[str] = Counter()
    driver = {"name": "slipway", "rules": [_rule(name, rules.get(name)) for name in ids]}
    if version is not None:
        driver["semanticVersion"] = version
    run: dict[str, object] = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"slipway-review/{scope}/"},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, review, ids, files.get(review.name), seen) for finding, review in shown],
        "properties": {"grade": report.grade.word, "refused": report.refused, "summary": headline(report)},
    }
    if len(found) > len(shown):
        left = f"{len(found) - len(shown)} findings of low grade are left out: at most {MOST} are shown."
        notice = {"level": "warning", "message": {"text": left}}
        run["invocations"] = [{"executionSuccessful": True, "toolExecutionNotifications": [notice]}]
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(name: str, rule: Rule | None) -> dict[str, object]:
    if rule is None:  # a review of another version of this command
        return {"id": name}
    return {
        "id": name,
        "shortDescription": {"text": _text(rule.title)},
        "fullDescription": {"text": _text(rule.reason)},
        "help": {"text": _text(f"{rule.reason}\n\nWhat to do: {rule.remedy}")},
        "defaultConfiguration": {"level": _LEVELS[rule.grade]},
        "properties": {"grade": rule.grade.word, "tags": ["infrastructure", "terraform"]},
    }


def _result(
    finding: Finding, review: Review, ids: list[str], file: str | None, seen: Counter[str]
) -> dict[str, object]:
    identity = "\0".join((finding.rule, review.name, finding.resource, finding.endpoint or ""))
    digest = hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:32]
    seen[digest] += 1
    sentences = [finding.message, *finding.details, finding.remedy]
    result: dict[str, object] = {
        "ruleId": finding.rule,
        "ruleIndex": ids.index(finding.rule),
        "level": _LEVELS[finding.grade],
        "message": {"text": " ".join(_sentence(text) for text in sentences if text)},
        "locations": [_location(finding, review, file)],
        "partialFingerprints": {"primaryLocationLineHash": f"{digest}:{seen[digest]}"},
        "properties": {"grade": finding.grade.word, "plan": plain(review.name), "endpoint": finding.endpoint},
    }
    if exception := exception_text(finding):
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": _text(exception)}]
    return result


def _location(finding: Finding, review: Review, file: str | None) -> dict[str, object]:
    name = plain(finding.resource or review.name)
    location: dict[str, object] = {"logicalLocations": [{"fullyQualifiedName": name, "kind": "resource"}]}
    if file is not None:
        artifact = {"uri": quote(file, safe="/"), "uriBaseId": "%SRCROOT%"}
        location["physicalLocation"] = {"artifactLocation": artifact, "region": {"startLine": 1}}
    return location


def _sentence(text: str) -> str:
    shown = _text(text)
    return shown if shown.endswith((".", "!", "?", ":")) else f"{shown}."


def _text(text: str) -> str:
    """Return a message's text: braces doubled, and nothing that reads as a link (SARIF 3.11.5, 3.11.6)."""
    lines = (plain(line, most=1000) for line in text.split("\n"))
    return "\n".join(lines).replace("{", "{{").replace("}", "}}").replace("](", "] (")
