"""The click data: what they hide, what the labels recover, and what a channel must look like."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.ranker import data
from models.ranker.settings import Settings
from models.ranker.train import evaluate, fit


def test_a_model_of_bare_clicks_learns_the_old_ranker_and_the_labels_undo_it(config: Settings) -> None:
    log, judged = data.synthesize(config)
    blind = replace(log, examinations=np.full_like(log.examinations, log.examinations.mean()))
    found = {}
    for name, source in (("weighted", log), ("blind to positions", blind)):
        grades = data.labels(source, config.clicks)
        found[name] = evaluate(fit(log, grades, config.hyperparameters), log, grades, judged, seed=1)["ndcg_at_10"]
    assert found["weighted"] > found["blind to positions"] + 0.05, found
    assert set(np.unique(data.labels(log, config.clicks)).tolist()) == {0, 1, 2, 3, 4}


def test_channels_read_back_what_was_made(config: Settings, tmp_path: Path) -> None:
    log, judged = data.synthesize(config)
    channels = data.write_channels(config, tmp_path)
    read, graded = (
        data.read_clicks(channels["train"], config.features),
        data.read_judgements(channels["validation"], config.features),
    )
    for one, other in ((log.features, read.features), (log.examinations, read.examinations)):
        assert (one == other).all()
    assert (log.clicks == read.clicks).all()
    assert read.queries == log.queries
    assert (judged.grades == graded.grades).all()
    assert (judged.groups == graded.groups).all()


HEADER = "query,document,examinations,clicks,a,b\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "no CSV file in this channel"),
        ("", "the files hold no rows"),
        (HEADER, "the files hold no rows"),
        ("query,document\n", "line 1: the header must be query,document,examinations,clicks,a,b"),
        (HEADER + "q,d,1,1,0\n", "line 2: 5 columns instead of 6"),
        (HEADER + "q,d,1,1,0,x\n", "line 2: could not convert string to float: 'x'"),
        (HEADER + "q,d,1,1,0,nan\n", "line 2: a value is not a finite number"),
        (HEADER + "q,d,1,-1,0,0\n", "must not be negative"),
        (HEADER + "q,d,1,0,0,0\n", "not one click"),
    ],
)
def test_a_bad_channel_is_named(tmp_path: Path, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / "clicks.csv").write_text(text)
    with pytest.raises(ValueError, match=words):
        data.read_clicks(tmp_path, ("a", "b"))


@pytest.mark.parametrize("grade", ["5", "-1", "1.5"])
def test_a_grade_beyond_the_scale_is_refused(tmp_path: Path, grade: str) -> None:
    (tmp_path / "judgements.csv").write_text(f"query,document,grade,a\nq,d,{grade},0\n")
    with pytest.raises(ValueError, match="a whole number from 0 to 4"):
        data.read_judgements(tmp_path, ("a",))


def test_queries_of_several_files_are_joined_in_a_fixed_order(tmp_path: Path) -> None:
    (tmp_path / "part-1.csv").write_text(HEADER + "z,d1,1,1,0,1\na,d1,1,0,0,2\n")
    (tmp_path / "part-2.csv").write_text(HEADER + "z,d2,1,1,0,3\n")
    log = data.read_clicks(tmp_path, ("a", "b"))
    assert log.queries == ("a", "z")
    assert log.groups.tolist() == [1, 2]
    assert log.features[:, 1].tolist() == [2.0, 1.0, 3.0]
