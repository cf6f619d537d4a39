"""The ranker's handler: one query with its documents in, the documents in the best order out.

JSON: `{"query": "…", "documents": [{"id": "a", "features": {"bm25": 1.2, …}}]}`; `features` may also be a list in the
order of model.json. CSV: a header `id,<features…>` and one line a document. Answers: JSON, or CSV `id,score`.
Every refusal carries an HTTP status and a reason that helps the caller.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np

JSON = "application/json"
CSV = "text/csv"
SCORE_DIGITS = 9


class RequestError(ValueError):
    """The caller's error; `status` becomes the HTTP status."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Model:
    """A loaded ranker: the booster and what model.json says about it."""

    booster: lightgbm.Booster
    name: str
    version: str
    features: tuple[str, ...]
    max_documents: int
    max_query_characters: int


@dataclass(frozen=True)
class Parsed:
    """A request whose shape is right; the features still need the model's names and number."""

    query: str
    ids: tuple[str | int, ...]
    features: tuple[object, ...]


@dataclass(frozen=True)
class Ranking:
    """Ids with their scores, best first, and the model that made them."""

    items: tuple[tuple[str | int, float], ...]
    model: Model


def model_fn(model_dir: str) -> Model:
    """Load the model. Raises OSError, ValueError or LightGBMError when the archive is not a ranker."""
    folder = Path(model_dir)
    description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    text = (folder / "model.txt").read_bytes()
    # LightGBM aborts the whole process on a file that was cut off: it must not even see one.
    if hashlib.sha256(text).hexdigest() != description["sha256"]:
        raise ValueError("model.txt is not the file that model.json describes: it is cut off or was changed")
    booster = lightgbm.Booster(model_str=text.decode("utf-8"))
    features = tuple(description["features"])
    if booster.num_feature() != len(features):
        raise ValueError(f"model.txt has {booster.num_feature()} features, model.json has {len(features)}")
    return Model(
        booster=booster,
        name=description["name"],
        version=description["sha256"][:12],
        features=features,
        max_documents=description["request"]["max_documents"],
        max_query_characters=description["request"]["max_query_characters"],
    )


def input_fn(body: bytes, content_type: str) -> Parsed:
    """Return the parsed request. Raises RequestError: 415 for an unknown content type, 400 for anything unreadable."""
    kind = content_type.split(";", maxsplit=1)[0].strip().lower()
    if kind not in {JSON, CSV}:
        raise RequestError(f"content type {kind[:100]!r} is not supported; send {JSON} or {CSV}", 415)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(f"the body is not UTF-8 (byte {error.start})") from error
    return _from_json(text) if kind == JSON else _from_csv(text)


def predict_fn(data: Parsed, model: Model) -> Ranking:
    """Return the ranking; equal scores keep the order of the request. Raises RequestError for unusable features."""
    if len(data.query) > model.max_query_characters:
        raise RequestError(f"the query has more than {model.max_query_characters} characters")
    if len(data.ids) > model.max_documents:
        raise RequestError(f"{len(data.ids)} documents; at most {model.max_documents} fit into a request", 413)
    if not data.ids:
        return Ranking((), model)
    rows = [_row(features, model.features, place) for place, features in enumerate(data.features)]
    scores = np.asarray(model.booster.predict(np.array(rows, dtype=np.float64), num_threads=1), dtype=np.float64)
    rounded = [round(score, SCORE_DIGITS) for score in scores.tolist()]
    order = sorted(range(len(rounded)), key=lambda place: -rounded[place])
    return Ranking(tuple((data.ids[place], rounded[place]) for place in order), model)


def output_fn(prediction: Ranking, accept: str) -> tuple[bytes, str]:
    """Return the body and its content type. Raises RequestError (406) when neither JSON nor CSV is accepted."""
    accepted = [part.split(";")[0].strip().lower() for part in accept.split(",")]
    if any(kind in {JSON, "application/*", "*/*", ""} for kind in accepted):
        document = {
            "ranking": [{"id": key, "score": score} for key, score in prediction.items],
            "model": {"name": prediction.model.name, "version": prediction.model.version},
        }
        return json.dumps(document).encode(), JSON
    if any(kind in {CSV, "text/*"} for kind in accepted):
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("id", "score"))
        writer.writerows(prediction.items)
        return stream.getvalue().encode(), CSV
    raise RequestError(f"cannot answer as {accept[:100]!r}; accept {JSON} or {CSV}", 406)


def _from_json(text: str) -> Parsed:
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except RequestError:
        raise
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is not JSON: {error}") from error
    if not isinstance(document, dict) or set(document) != {"query", "documents"}:
        raise RequestError("the body must be an object with exactly the keys query and documents")
    query, documents = document["query"], document["documents"]
    if not isinstance(query, str):
        raise RequestError("query must be a string")
    if not isinstance(documents, list):
        raise RequestError("documents must be a list")
    for place, item in enumerate(documents):
        if not isinstance(item, dict) or set(item) != {"id", "features"}:
            raise RequestError(f"documents[{place}] must be an object with exactly the keys id and features")
        if isinstance(item["id"], bool) or not isinstance(item["id"], (str, int)):
            raise RequestError(f"documents[{place}].id must be a string or a whole number")
    return _parsed(query, [item["id"] for item in documents], [item["features"] for item in documents])


def _from_csv(text: str) -> Parsed:
    try:
        lines = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except csv.Error as error:
        raise RequestError(f"the body is not CSV: {error}") from error
    if not lines or lines[0][0].strip() != "id":
        raise RequestError("the first line must be the header id,<features>")
    names = [name.strip() for name in lines[0][1:]]
    if len(set(names)) != len(names):
        raise RequestError("the header names a feature twice")
    features: list[object] = []
    for number, row in enumerate(lines[1:], start=2):
        if len(row) != len(names) + 1:
            raise RequestError(f"line {number} has {len(row)} columns instead of {len(names) + 1}")
        features.append(dict(zip(names, (_csv_number(text, number) for text in row[1:]), strict=True)))
    return _parsed("", [row[0] for row in lines[1:]], features)


def _csv_number(text: str, line: int) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise RequestError(f"line {line}: {text[:50]!r} is not a number") from error


def _parsed(query: str, ids: Sequence[str | int], features: Sequence[object]) -> Parsed:
    if len(set(ids)) != len(ids):
        double = next(key for key in ids if list(ids).count(key) > 1)
        raise RequestError(f"the id {str(double)[:100]!r} occurs twice")
    return Parsed(query, tuple(ids), tuple(features))


def _row(features: object, names: tuple[str, ...], place: int) -> list[float]:
    where = f"documents[{place}].features"
    if isinstance(features, Mapping):
        values = [features.get(name) for name in names]
        problems = [f"{name} is missing" for name in names if name not in features]
        problems += [f"{str(name)[:50]} is unknown" for name in features if name not in names]
        if problems:
            raise RequestError(f"{where}: {', '.join(problems[:5])}")
    elif isinstance(features, list):
        values = features
        if len(values) != len(names):
            raise RequestError(f"{where} has {len(values)} values; the model takes {len(names)}")
    else:
        raise RequestError(f"{where} must be a list or an object")
    return [_finite(value, f"{where}.{name}") for name, value in zip(names, values, strict=True)]


def _finite(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RequestError(f"{where} must be a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise RequestError(f"{where} must be finite")
    return number


def _refuse_constant(name: str) -> float:
    raise RequestError(f"{name} is not a JSON number; features must be finite")
