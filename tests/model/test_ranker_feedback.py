"""Retraining with feedback: what users clicked becomes a training set, and the model learns what they want now."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from glue.core import drift
from glue.dataset import Built, Wanted, build, model_settings
from models import local
from models.ranker import data, inference, metrics, settings
from tests.model.conftest import BETTER
from tests.unit.feedback_support import NOON, FolderBucket, account, captured, hour, label

ROOT = Path(__file__).resolve().parents[2]
CLICKED, GRADED, SESSIONS = 240, 100, 10
# Other features now play the parts that the old model knows: what was the title's is the rating's, and so on round.
MOVED = [5, 6, 4, 2, 3, 0, 1, 7]


def population(config: settings.Settings) -> data.Judged:
    """Queries of people who want something else than those of the first training did."""
    size = replace(config.data, seed=99, train_queries=1, held_out_queries=CLICKED + GRADED + 100)
    _, judged = data.synthesize(replace(config, data=size))
    return replace(judged, features=np.ascontiguousarray(judged.features[:, MOVED]))


def ndcg_of(model: inference.Model, judged: data.Judged, queries: slice) -> float:
    size = int(judged.groups[0])
    rows = slice(queries.start * size, queries.stop * size)
    scores = np.asarray(model.booster.predict(judged.features[rows], num_threads=1))
    return metrics.ndcg(judged.grades[rows], scores, judged.groups[queries])


def served(model: inference.Model, judged: data.Judged, config: settings.Settings) -> FolderBucket:
    """What is captured while the old model serves these people, and what they and an editor say of its answers."""
    rng, size, clicks = np.random.default_rng(5), int(judged.groups[0]), config.clicks
    lines, labels = [], []
    for query in range(CLICKED + GRADED):
        rows = slice(query * size, (query + 1) * size)
        features, grades = judged.features[rows], judged.grades[rows]
        documents = [
            {"id": f"d{n}", "features": dict(zip(config.features, row, strict=True))}
            for n, row in enumerate(features.tolist())
        ]
        asked = {"query": f"query {query}", "documents": documents}
        ranking = inference.predict_fn(inference.input_fn(json.dumps(asked).encode(), inference.JSON), model)
        said = json.loads(inference.output_fn(ranking, inference.JSON)[0])
        order = [int(str(key)[1:]) for key, _ in ranking.items]
        graded = query >= CLICKED
        for session in range(1 if graded else SESSIONS):
            key = f"i{query}-{session}"
            lines.append(captured(asked, said, inference=key, event=f"e{key}"))
            if graded:
                labels.append(label(key, grades={f"d{n}": int(grade) for n, grade in enumerate(grades)}))
                continue
            seen = [order[n] for n in np.argsort(np.arange(size) + rng.normal(0, 6, size))]  # the page mixes a little
            attraction = clicks.noise + (1 - clicks.noise) * (2.0 ** grades[seen] - 1) / 15
            hit = rng.random(size) < attraction * np.arange(1, size + 1) ** -clicks.examination_decay
            labels.append(label(key, clicks=[f"d{n}" for n in np.array(seen)[hit]], shown=[f"d{n}" for n in seen]))
    return FolderBucket({hour("f"): b"\n".join(lines), "feedback/ranker/2026/01/31/12/0.jsonl": b"\n".join(labels)})


def test_a_model_retrained_with_feedback_learns_what_people_want_now(
    model: inference.Model, model_dir: Path, config: settings.Settings, tmp_path: Path
) -> None:
    judged = population(config)
    layout, clicks = model_settings(ROOT, "ranker")
    wanted = Wanted("ranker", "ranker", NOON, NOON + timedelta(hours=1), layout, clicks)
    built = build(wanted, account=account(served(model, judged, config)), folder=tmp_path / "set")
    assert built.counts["joined"] == CLICKED * SESSIONS + GRADED
    trained = retrained(built, tmp_path / "new")
    new = inference.model_fn(str(tmp_path / "new"))
    unseen = slice(CLICKED + GRADED, len(judged.groups))
    before, after = ndcg_of(model, judged, unseen), ndcg_of(new, judged, unseen)
    assert after > before + 0.15, (before, after)
    assert trained.metrics["train_queries"] == CLICKED
    baselines = [drift.parse(json.loads((at / "baseline.json").read_text())) for at in (model_dir, tmp_path / "new")]
    assert baselines[0].features["rating"].edges != baselines[1].features["rating"].edges
    assert baselines[1].quality["ndcg_at_10"] == trained.metrics["ndcg_at_10"]


def retrained(built: Built, folder: Path) -> local.Trained:
    channels = {name: built.folder / name for name in ("train", "validation")}
    trained = local.train("ranker", output=folder, hyperparameters=BETTER, channels=channels)
    with tarfile.open(trained.archive) as tar:
        tar.extractall(folder, filter="data")
    return trained
