"""AWS's published rules, one case each: cases/*.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from glue.iam import Grant, Policy, PolicyError, PolicySet, Principal, Request, evaluate, parse_policy

CASES = Path(__file__).parent / "cases"
AWS = "https://docs.aws.amazon.com/"
KNOWN = {"id", "source", "note", "principal", "policies", "request", "condition", "document", "use", "expect"}


def merged(base: Any, case: Any) -> Any:
    """Return the case on top of the file's base, object by object."""
    if not (isinstance(base, dict) and isinstance(case, dict)):
        return case
    return base | {key: merged(base.get(key), value) for key, value in case.items()}


def load() -> list[dict[str, Any]]:
    cases = []
    for path in sorted(CASES.glob("*.json")):
        data = json.loads(path.read_text())
        for case in data["cases"]:
            page, _, anchor = case.get("source", "").partition("#")
            full = merged(data.get("base", {}), case)
            full["source"] = data["pages"].get(page, "") + (f"#{anchor}" if anchor else "")
            full["policies"] = {
                kind: value if kind == "kind" else named(value, data.get("policies", {}))
                for kind, value in full.get("policies", {}).items()
            }
            full["principal"] = data.get("principals", {}).get(str(full.get("principal")), full.get("principal"))
            full["id"] = f"{path.stem}-{case['id']}"
            cases.append(full)
    return cases


def named(value: Any, known: dict[str, Any]) -> Any:
    """Return a list of policies with names of the file's policies replaced."""
    if isinstance(value, list):
        return [named(one, known) for one in value]
    return known[value] if isinstance(value, str) else value


def policy(raw: dict[str, Any], name: str) -> Policy:
    """Return a policy from a document, or from one statement."""
    document = {"Version": "2012-10-17", "Statement": raw} if "Effect" in raw else raw
    return parse_policy(json.dumps(document), name=name)


def policy_set(raw: dict[str, Any]) -> PolicySet:
    def several(kind: str) -> tuple[Policy, ...]:
        return tuple(policy(one, f"{kind}{number}") for number, one in enumerate(raw.get(kind, [])))

    def levels(kind: str) -> tuple[tuple[Policy, ...], ...]:
        return tuple(tuple(policy(one, kind) for one in level) for level in raw.get(kind, []))

    return PolicySet(
        identity=several("identity"),
        boundary=policy(raw["boundary"], "boundary") if "boundary" in raw else None,
        session=several("session") if "session" in raw else None,
        service_control=levels("scp"),
        resource_control=levels("rcp"),
        resource=several("resource"),
        kind=raw.get("kind", "default"),
        grants=tuple(Grant(**one | {"operations": frozenset(one["operations"])}) for one in raw.get("grants", [])),
        management=raw.get("management", False),
    )


def request(case: dict[str, Any]) -> Request:
    raw = case["request"]
    context = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.get("context", {}).items()}
    who = Principal(**case["principal"])
    return Request(who, raw["action"], raw.get("resource", "*"), context, raw.get("account"))


ALL = load()


@pytest.mark.parametrize("case", ALL, ids=[case["id"] for case in ALL])
def test_decides_as_aws_documents(case: dict[str, Any]) -> None:
    assert case["source"].startswith(AWS), "every case names AWS's page"
    assert set(case) <= KNOWN
    expected = case["expect"]
    if "document" in case:
        raw = case["document"]
        with pytest.raises(PolicyError, match=expected["error"]):
            parse_policy(raw if isinstance(raw, str) else json.dumps(raw), name="p", use=case.get("use", "any"))
        return
    if "condition" in case:
        statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": case["condition"]}
        case["policies"] = {"identity": [statement]}
    decision = evaluate(request(case), policy_set(case["policies"]))
    assert decision.allowed is expected["allowed"], decision.sentence()
    if "reason" in expected:
        assert decision.reason.name == expected["reason"], decision.sentence()
    if "sentence" in expected:
        assert decision.sentence() == expected["sentence"]
    if "by" in expected:
        assert [f"{hit.policy}/{hit.sid}" for hit in decision.statements] == expected["by"]


def test_every_case_says_what_is_expected() -> None:
    for case in ALL:
        told = case["expect"]
        assert "error" in told or "condition" in case or "reason" in told, case["id"]


def test_there_are_enough_cases_and_no_two_share_a_name() -> None:
    assert len(ALL) >= 250
    assert len({case["id"] for case in ALL}) == len(ALL)
