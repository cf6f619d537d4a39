"""Rules: what is put on a bus reaches the targets of the rules that match.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events.html
"""

from __future__ import annotations

import json
from typing import Any

from .conftest import DEV, REGION, Account


def put(account: Account, detail: dict[str, Any], **more: Any) -> dict[str, Any]:
    entry = {"Source": "shop", "DetailType": "Order", "Detail": json.dumps(detail), **more}
    answer = account("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0, answer
    return dict(answer["Entries"][0])


def rule(account: Account, name: str, pattern: dict[str, Any], *targets: dict[str, Any], bus: str = "default") -> str:
    events = account("events")
    arn = events.put_rule(Name=name, EventPattern=json.dumps(pattern), EventBusName=bus)["RuleArn"]
    listed = [{"Id": str(number), **target} for number, target in enumerate(targets)]
    assert events.put_targets(Rule=name, EventBusName=bus, Targets=listed)["FailedEntryCount"] == 0
    return str(arn)


def test_an_event_reaches_a_queue_as_it_is(dev: Account) -> None:
    url, arn = dev.queue("orders", "events")
    rule(dev, "orders", {"source": ["shop"], "detail": {"kind": ["book"]}}, {"Arn": arn})
    made = put(dev, {"kind": "book", "n": 1}, Resources=["a"])
    (event,) = dev.bodies(url)
    assert event == {
        "version": "0",
        "id": made["EventId"],
        "detail-type": "Order",
        "source": "shop",
        "account": DEV,
        "time": event["time"],
        "region": REGION,
        "resources": ["a"],
        "detail": {"kind": "book", "n": 1},
    }
    put(dev, {"kind": "toy"})
    assert dev.nothing(url)
