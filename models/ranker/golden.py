"""Golden requests: what the saved model answers, by the handler that will serve it. They travel with the release."""

from __future__ import annotations

import json
from pathlib import Path

from . import inference
from .data import Judged
from .settings import Settings

TOLERANCE = {"absolute": 1e-6, "relative": 1e-6}


def write(folder: Path, judged: Judged, settings: Settings) -> None:
    """Write golden/requests.json below the folder of a saved model."""
    model = inference.model_fn(str(folder))
    requests = []
    for name, body in _bodies(judged, settings).items():
        # A body that is text is sent as it stands: CSV. Everything else is sent as JSON.
        kind = inference.CSV if isinstance(body, str) else inference.JSON
        raw = (body if isinstance(body, str) else json.dumps(body)).encode()
        ranking = inference.predict_fn(inference.input_fn(raw, kind), model)
        answer, _ = inference.output_fn(ranking, inference.JSON)
        requests.append(
            {
                "name": name,
                "content_type": kind,
                "accept": inference.JSON,
                "body": body,
                "expect": json.loads(answer),
                "tolerance": TOLERANCE,
                "latency_ms": settings.request.golden_latency_ms,
            }
        )
    target = folder / "golden" / "requests.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(requests, indent=2) + "\n", encoding="utf-8")


def _bodies(judged: Judged, settings: Settings) -> dict[str, object]:
    """Real held-out queries, and the edges: one document, ties, extreme values, none at all."""
    rows = judged.features.tolist()
    sizes = judged.groups.tolist()
    first, second = rows[: sizes[0]], rows[sizes[0] : sizes[0] + sizes[1]]
    extremes = [[0.0] * len(settings.features), [1e6] * len(settings.features)]
    return {
        "held-out query with named features": {
            "query": "running shoes",
            "documents": [
                {"id": f"d{place}", "features": dict(zip(settings.features, row, strict=True))}
                for place, row in enumerate(first)
            ],
        },
        "held-out query with listed features": _listed("winter jacket", second),
        "one document": _listed("single", second[:1]),
        "equal documents keep their order": _listed("ties", [first[0]] * 3),
        "extreme values": _listed("extremes", extremes),
        "two documents as CSV": _csv(settings.features, first[:2]),
        "no documents": {"query": "nothing found", "documents": []},
    }


def _listed(query: str, rows: list[list[float]]) -> dict[str, object]:
    return {"query": query, "documents": [{"id": place, "features": row} for place, row in enumerate(rows)]}


def _csv(names: tuple[str, ...], rows: list[list[float]]) -> str:
    lines = [["id", *names], *([f"d{place}", *map(str, row)] for place, row in enumerate(rows))]
    return "".join(",".join(line) + "\n" for line in lines)
