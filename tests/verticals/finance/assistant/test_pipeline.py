"""The pipeline end to end without the sentence encoder: fit, predict, checkpoint, evaluate, explain, program."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from colonnade.core.errors import CheckpointError, FormatError, MissingModality, UnknownName
from colonnade.core.pipeline import FitOptions
from colonnade.verticals.finance.assistant import sentences
from colonnade.verticals.finance.assistant.model import BOTH, Heads, Reach, Reader, Settings
from colonnade.verticals.finance.assistant.pipeline import NO_ENCODER, AssistantPipeline
from colonnade.verticals.finance.assistant.terms import BUCKETS, WORDS, counts, rarity, weighted
from colonnade.verticals.finance.assistant.training import likely, reaches
from colonnade.verticals.finance.tasks import SAMPLES

FORMS = (
    "{}",
    "please, {}",
    "hello, {} thanks",
    "I ask again: {}",
    "{} quickly",
    "can you say, {}",
    "so {}",
    "{} or not",
)
SAYINGS = {
    "card_arrival": ("my card has not arrived", "where is the card that was posted", "the new card is not here"),
    "change_pin": ("how do I change my pin", "I want another pin number", "can the pin be changed"),
    "exchange_rate": ("which exchange rate is used", "what rate do I get for dollars", "how is the rate made"),
}
PAGES = SAMPLES / "bank_articles.md"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("queries") / "train.csv"
    with path.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["text", "category"])
        out.writerows([form.format(text), name] for name, texts in SAYINGS.items() for text in texts for form in FORMS)
    return path


@pytest.fixture(scope="module", autouse=True)
def _no_encoder():
    patch = pytest.MonkeyPatch()
    patch.setattr(sentences, "available", lambda: False)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def fitted(data: Path) -> AssistantPipeline:
    reach = {"terms": Reach(mix={"terms": 1.0}, temperature=1.0, known=0.0, set_threshold=0.5)}
    zeros = np.zeros((2, BUCKETS), np.int8)
    heads = Heads(rare=np.ones(BUCKETS, np.float16), terms=zeros, terms_scale=np.ones(2), terms_bias=np.zeros(2))
    start = AssistantPipeline(Reader(heads, Settings(intents=("a", "b"), reach=reach)), {})
    return start.fit_on(data, FitOptions(method="probe"))


def test_an_answer_cites_lines_of_the_pages(fitted: AssistantPipeline, tmp_path: Path):
    result = fitted.predict(message="my card has not arrived", articles=PAGES)
    assert result.intent == "card_arrival"
    assert result.decision == "answer"
    assert result.reply == " ".join(each.sentence for each in result.citations)
    result.save(tmp_path / "out")
    assert "A card arrives within 7 working days" in (tmp_path / "out" / "report.html").read_text()


def test_what_is_like_nothing_learnt_is_out_of_scope(fitted: AssistantPipeline):
    result = fitted.predict(message="zebra quokka xylophone", articles=PAGES)
    assert result.decision == "out of scope"
    assert result.intent is None


def test_without_pages_nothing_is_answered(fitted: AssistantPipeline):
    result = fitted.predict(message="how do I change my pin")
    assert result.decision == "hand over"
    assert any("no help pages" in each for each in result.warnings)


def test_a_dialogue_gives_the_topic_that_a_detail_belongs_to(fitted: AssistantPipeline):
    dialogue = [
        {"speaker": "customer", "text": "my card has not arrived"},
        {"speaker": "assistant", "text": "Which card?"},
    ]
    result = fitted.predict(message="the card ending in 4711, ordered last Monday", dialogue=dialogue, articles=PAGES)
    assert result.intent == "card_arrival"
    assert result.state.slots["card"].values == ("4711",)
    assert "turn 1: asks about A card that has not arrived" in result.summary
    assert "turn 3: date last monday" in result.summary


def test_a_model_with_a_sentence_view_says_when_the_encoder_is_missing(fitted: AssistantPipeline):
    heads = fitted.reader.heads
    both = Heads(**{**vars(heads), "sentence": np.zeros((3, 384), np.float16), "sentence_bias": np.zeros(3)})
    made = AssistantPipeline(Reader(both, fitted.reader.settings), {})
    assert made.reader.subset == "terms"
    assert NO_ENCODER in made.predict(message="how do I change my pin", articles=PAGES).warnings


def test_a_checkpoint_answers_as_the_pipeline_that_wrote_it(fitted: AssistantPipeline, tmp_path: Path):
    fitted.save(tmp_path / "model")
    again = AssistantPipeline.from_pretrained(tmp_path / "model")
    assert (
        again.predict(message="which rate", articles=PAGES).answer
        == fitted.predict(message="which rate", articles=PAGES).answer
    )
    head = json.loads((tmp_path / "model" / "config.json").read_text())
    head["config"]["intents"] = head["config"]["intents"][:2]
    (tmp_path / "model" / "config.json").write_text(json.dumps(head))
    with pytest.raises(CheckpointError):
        AssistantPipeline.from_pretrained(tmp_path / "model")


def test_evaluation_counts_what_is_right_and_what_is_turned_away(fitted: AssistantPipeline, tmp_path: Path):
    lines = [("text", "category"), *((f"well, {text}", name) for name, texts in SAYINGS.items() for text in texts * 3)]
    lines += [("zebra quokka", "out_of_scope"), ("xylophone vivid", "oos")]
    with (tmp_path / "test.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(lines)
    found = fitted.evaluate(tmp_path)
    assert found.n == 27
    assert found.metrics["accuracy"] > 0.9
    assert found.metrics["roc_auc_out_of_scope"] > 0.9
    assert found.baselines["most frequent intent"]["accuracy"] == pytest.approx(1 / 3)


def test_words_are_attributed_and_shares_add_up(fitted: AssistantPipeline):
    found = fitted.explain(message="how do I change my pin", articles=PAGES)
    assert found.value == pytest.approx(found.base + sum(found.modalities.values()))
    words = {each["word"]: each["adds"] for each in found.parts["message"]["words"]}
    assert words["pin"] > words["do"]


def test_wrong_data_is_refused_with_a_sentence(fitted: AssistantPipeline, data: Path, tmp_path: Path):
    (tmp_path / "few.csv").write_text("text,category\na,b\n")
    with pytest.raises(FormatError):
        fitted.fit_on(tmp_path / "few.csv", FitOptions())
    (tmp_path / "new.csv").write_text("text,category\n" + "where,unheard_of\n" * 30)
    with pytest.raises(UnknownName, match="unheard_of"):
        fitted.evaluate(tmp_path / "new.csv")
    with pytest.raises(MissingModality):
        fitted.predict(articles=PAGES)


def test_the_program_gives_the_readers_logits(fitted: AssistantPipeline):
    program = fitted.program()
    from colonnade.verticals.finance.assistant.program import EXAMPLES

    (logits,) = program.eager(program.cases["terms"])
    np.testing.assert_allclose(logits.numpy(), fitted.reader.logits(EXAMPLES), atol=1e-4)


def test_each_half_of_a_row_of_terms_has_length_one():
    found = counts(["where is my card", "my pin"])
    rows = weighted(found, rarity(found)).toarray()
    np.testing.assert_allclose(np.linalg.norm(rows[:, :WORDS], axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(rows[:, WORDS:], axis=1), 1, rtol=1e-5)


def test_a_mix_leans_on_the_view_that_knows():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 300)
    truth = np.eye(3)[labels]
    scores = {"terms": generator.normal(size=(300, 3)), "sentence": 3 * truth + 0.5 * generator.normal(size=(300, 3))}
    mix = reaches(scores, labels, Settings(intents=("a", "b", "c"), reach={}))[BOTH].mix
    assert mix["sentence"] * scores["sentence"].std() > 2 * mix["terms"] * scores["terms"].std()


def test_logistic_regression_separates_what_can_be_separated():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 120)
    vectors = (np.eye(3)[labels] + 0.1 * generator.normal(size=(120, 3))).astype(np.float32)
    weight, bias = likely(vectors, labels)
    assert ((vectors @ weight.T + bias).argmax(axis=1) == labels).all()
