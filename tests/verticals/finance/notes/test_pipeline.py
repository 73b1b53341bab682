"""The pipeline end to end with a small scorer: predict, report, checkpoint, evaluate, fit, explain, program."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from colonnade.core.errors import CheckpointError, FormatError, InputError, MissingModality
from colonnade.core.pipeline import FitOptions
from colonnade.verticals.finance.notes.features import BUCKETS, COUNT
from colonnade.verticals.finance.notes.pipeline import NotesPipeline
from colonnade.verticals.finance.notes.programs import OPERATIONS
from colonnade.verticals.finance.notes.scorer import Scorer
from colonnade.verticals.finance.notes.spans import SPAN_COUNT
from colonnade.verticals.finance.tasks import SAMPLES

FILING = SAMPLES / "filing.html"
FORMS = {
    "What was the change in {} in 2019 from 2018?": ("arithmetic", lambda new, old: (f"{new - old}", f"{new}-{old}")),
    "What was the average of {} in 2019 and 2018?": (
        "arithmetic", lambda new, old: (f"{(new + old) / 2:g}", f"({new}+{old})/2"),
    ),
    "What was {} in 2019?": ("span", lambda new, old: ([f"{new}"], "")),
}  # fmt: skip


def _documents(count: int = 6) -> list[dict[str, object]]:
    """Small documents in the layout of TAT-QA."""
    generator = np.random.default_rng(0)
    made = []
    for _ in range(count):
        names = generator.permutation(["Sales", "Wages", "Rent", "Interest expense", "Inventories", "Payables"])[:4]
        rows = [(str(name), *(int(each) for each in generator.integers(100, 900, 2))) for name in names]
        questions = []
        for name, new, old in rows[:3]:
            for form, (kind, answer) in FORMS.items():
                value, derivation = answer(new, old)
                questions.append(
                    {
                        "question": form.format(name),
                        "answer": value,
                        "derivation": derivation,
                        "answer_type": kind,
                        "answer_from": "table",
                        "scale": "thousand",
                        "rel_paragraphs": [],
                    }
                )
        table = [["(in thousands)", "2019", "2018"], *([name, str(new), str(old)] for name, new, old in rows)]
        made.append(
            {
                "table": {"uid": "t", "table": table},
                "questions": questions,
                "paragraphs": [{"order": 1, "text": "Rent rose because a second shop was opened."}],
            }
        )
    return made


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("tatqa") / "questions.json"
    path.write_text(json.dumps(_documents()))
    return path


def _blank() -> NotesPipeline:
    zeros = (np.zeros((len(OPERATIONS), BUCKETS), np.float16), np.zeros(len(OPERATIONS), np.float32))
    shapes = ((len(OPERATIONS) - 1, COUNT), (SPAN_COUNT,))
    scorer = Scorer(
        operations=zeros[0],
        bias=zeros[1],
        programs=np.zeros(shapes[0], np.float32),
        spans=np.zeros(shapes[1], np.float32),
    )
    return NotesPipeline(scorer, {})


@pytest.fixture(scope="module")
def fitted(data: Path) -> NotesPipeline:
    return _blank().fit_on(data, FitOptions())


def test_a_note_cites_every_number_and_saves_its_page(fitted: NotesPipeline, tmp_path: Path):
    result = fitted.predict(filing=FILING, questions="What was the change in bank debt in 2024 from 2023?")
    assert len(result.claims) == len(result.citations)
    assert all(result.citations)
    assert result.answers[0].values == ("-2500",)
    assert result.answers[0].derivation == "15,500 - 18,000"
    assert len(result.contradictions) == 1
    result.save(tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count('href="#f-table-2"') >= 2
    assert 'id="f-table-1"' in page
    assert json.loads((tmp_path / "out" / "result.json").read_text())["checked"] > len(result.claims)


def test_a_fitted_scorer_beats_the_baseline_on_other_documents(fitted: NotesPipeline, tmp_path: Path):
    (tmp_path / "other.json").write_text(json.dumps(_documents(9)[6:]))
    found = fitted.evaluate(tmp_path / "other.json")
    assert found.metrics["exact_match"] > 0.9
    assert found.metrics["exact_match"] > found.baselines["best row and column, no program"]["exact_match"]
    assert found.metrics["unsupported_claim_rate"] == 0
    assert found.metrics["contradictions_caught"] == 1
    assert found.metrics["citation_precision"] > 0.9


def test_a_checkpoint_answers_as_the_pipeline_that_wrote_it(fitted: NotesPipeline, tmp_path: Path):
    fitted.save(tmp_path / "model")
    again = NotesPipeline.from_pretrained(tmp_path / "model")
    asked = {"filing": FILING, "questions": "What was the average of inventories in 2024 and 2023?"}
    assert again.predict(**asked).answers == fitted.predict(**asked).answers
    head = json.loads((tmp_path / "model" / "config.json").read_text())
    (tmp_path / "model" / "config.json").write_text(json.dumps({**head, "config": {"rows": 2}}))
    with pytest.raises(CheckpointError):
        NotesPipeline.from_pretrained(tmp_path / "model")


def test_shares_add_up_to_the_number_of_claims(fitted: NotesPipeline):
    found = fitted.explain(filing=FILING, questions="What was the change in bank debt in 2024 from 2023?")
    assert found.value == pytest.approx(found.base + sum(found.modalities.values()))
    assert set(found.parts) == {"filing", "questions"}


def test_what_cannot_be_answered_is_refused_with_a_sentence(fitted: NotesPipeline, tmp_path: Path):
    with pytest.raises(MissingModality):
        fitted.predict(questions="What was it?")
    with pytest.raises(FormatError):
        fitted.predict(filing=FILING, questions="x" * 501)
    (tmp_path / "one.json").write_text(json.dumps(_documents(1)))
    with pytest.raises(InputError):
        fitted.evaluate(tmp_path / "one.json")


def test_the_program_has_a_case_for_each_side(fitted: NotesPipeline):
    program = fitted.program()
    assert set(program.cases) == {"words", "programs", "words+programs"}
    words, scores = program.eager(program.cases["words"])
    assert bool(words.abs().sum() > 0)
    assert bool(scores.abs().sum() == 0)
