"""`finance/assistant`: a customer's message, and the dialogue before it, to an intent, an answer from help pages with
its citations, or a hand-over. How texts are read is in model.py, what is said in reply.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ....core.checkpoint import Checkpoint
from ....core.config import from_plain, to_plain
from ....core.errors import FormatError
from ....core.pipeline import Answered, FitOptions, Pipeline
from ....core.result import Evaluation
from ....core.types import Array, Text
from ..tasks import assistant
from .articles import Articles, read_articles
from .dialogue import Reading, adds, advance, listened
from .model import Heads, Reader, Settings, familiarity
from .records import Assistance, Candidate, State, Turn
from .reply import reply_to, summary_of
from .report import report_of
from .transcript import read_transcript

if TYPE_CHECKING:
    from ....core.data.quality import Rows
    from ....core.export.program import Program
    from ....core.governance import Governance

CHANGES = 0.4  # probability from which a turn may begin another topic
NO_ENCODER = (
    "the sentence encoder is not installed, so words alone were read, which is less accurate: "
    "pip install 'colonnade[text]'"
)
NO_PAGES = "no help pages were given: nothing is answered, every question in scope is handed over"


class AssistantPipeline(Pipeline):
    """Understands a bank's customer, answers from help pages only, or hands over with a summary."""

    task = assistant
    weights = Path(__file__).parents[1] / "weights" / "assistant"
    explains = "probability of the intent that was answered"

    def __init__(self, reader: Reader, card: Mapping[str, Any]) -> None:
        self.reader, self.card = reader, card

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> Self:
        settings: Settings = from_plain(Settings, checkpoint.config)
        return cls(Reader(_heads(checkpoint.tensors, settings), settings), checkpoint.card)

    def to_checkpoint(self) -> Checkpoint:
        heads = self.reader.heads
        tensors = {name: value for name, value in vars(heads).items() if isinstance(value, np.ndarray)}
        tensors |= {f"adapters.{name}": value for name, value in heads.adapters.items()}
        return Checkpoint(kind=self.task.name, config=to_plain(self.reader.settings), tensors=tensors, card=self.card)

    def read(self, modality: str, value: Any) -> Any:
        if modality == "dialogue":
            return read_transcript(value)
        if modality == "articles":
            if not isinstance(value, Path):
                raise FormatError(f"articles are a Markdown file, got {type(value).__name__} {value!r:.40}")
            return read_articles(value)
        text = value.text if isinstance(value, Text) else value
        if not isinstance(text, str):
            raise FormatError(f"the message is text, got {type(text).__name__} {text!r:.40}")
        return Turn(speaker="customer", text=text.strip())

    def answer(self, record: Mapping[str, Any]) -> Answered:
        turns = _turns(record)
        articles: Articles | None = record.get("articles")
        state, probabilities, outside = self._follow(turns)
        order = np.argsort(-probabilities, kind="stable")
        reach, names = self.reader.reach, self.reader.settings.intents
        candidates = tuple(
            Candidate(intent=names[row], probability=float(probabilities[row]))
            for place, row in enumerate(order)
            if place == 0 or 1 - probabilities[row] <= reach.set_threshold
        )
        said = reply_to(turns[-1].text, candidates=candidates, outside=outside, articles=articles, state=state)
        best = candidates[0]
        found = Assistance(
            intent=None if outside else best.intent,
            confidence=best.probability,
            candidates=() if outside else candidates,
            decision=said.decision,
            reply=said.reply,
            citations=said.citations,
            state=state,
            summary=summary_of(state, turns, articles),
        )
        warnings = self._warnings(articles)
        again = float(self._follow(turns)[1].max())
        provenance = {
            "model": f"{self.model.get('name', 'not saved')}, seed {self.model.get('seed')}",
            "weights SHA-256": str(self.model.get("sha256", "not saved")),
            "views read": self.reader.subset,
        }
        report = report_of(found, turns, articles, probability=again, warnings=warnings, provenance=provenance)
        return Answered(answer=found, warnings=warnings, report=report)

    def measure(self, record: Mapping[str, Any]) -> float:
        return float(self._probabilities(record).max())

    def measuring(self, record: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], float]:
        best = int(self._probabilities(record).argmax())
        return lambda part: float(self._probabilities(part)[best])

    def parts(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """What each word of the message adds: the probability less that without the word."""
        words = record["message"].text.split()
        best = int(self._probabilities(record).argmax())
        whole = self._probabilities(record)[best]
        without = [" ".join(words[:place] + words[place + 1 :]) for place in range(len(words))][:40]
        kept = [text for text in without if text]
        if not kept:
            return {}
        left = self.reader.probabilities(kept)[:, best]
        shares = [{"word": word, "adds": float(whole - each)} for word, each in zip(words, left, strict=False)]
        return {"message": {"intent": self.reader.settings.intents[best], "words": shares}}

    def evaluate_on(self, data: Path, *, layout: str | None, seed: int) -> Evaluation:
        from .evaluation import evaluate
        from .sources import read_queries

        queries = read_queries(data, layout=layout, split="test")
        return evaluate(self.reader, queries, task=self.task.name, data=str(data), seed=seed)

    def fit_on(self, data: Path, options: FitOptions) -> Self:
        from ....core.data.quality import weights_of
        from .recipes import fitted
        from .sources import read_queries

        queries = read_queries(data, split="train")
        weights = weights_of([f"query {number}" for number in range(1, len(queries.texts) + 1)])
        queries = replace(queries, weights=tuple(weights.tolist()))
        if options.replay is not None:
            queries = queries.beside(read_queries(options.replay, split="train"), seed=options.seed)
        heads, settings, card = fitted(self.reader, queries, options, data=data)
        return type(self)(Reader(heads, settings), card)

    def rows_in(self, data: Path) -> Rows:
        from .described import rows_of
        from .sources import read_queries

        return rows_of(read_queries(data, split="train"))

    def govern_on(self, data: Path | None, *, groups: tuple[str, ...], seed: int) -> Governance:
        from ..governance.assistant.report import govern

        return govern(self.reader, self.card, checkpoint=self.model, data=data, groups=groups, seed=seed)

    def program(self) -> Program:
        from .program import program_of

        return program_of(self.reader)

    # ---- the dialogue -------------------------------------------------------------------------------------------

    def _follow(self, turns: Sequence[Turn]) -> tuple[State, Array, bool]:
        """The state after the turns, the probabilities of the last topic, and whether the last turn is out of scope."""
        spoken = [turn.text for turn in turns if turn.speaker == "customer"]
        logits = iter(self.reader.logits(spoken))
        names = self.reader.settings.intents
        state, current, outside = State(), np.full(len(names), 1 / len(names)), False
        for turn in turns:
            if turn.speaker == "assistant":
                state = listened(state)
                continue
            row = next(logits)
            chances = np.exp(row - row.max())
            chances /= chances.sum()
            known = bool(familiarity(row[None])[0] >= self.reader.reach.known)
            best = int(chances.argmax())
            sure = known and (chances[best] >= CHANGES or state.topic is None)
            adding = adds(state, turn.text, float(chances[best]))
            state = advance(state, turn.text, Reading(intent=names[best] if sure else None, confidence=chances[best]))
            outside = not adding and not known
            current = current if adding else chances
        return state, current, outside

    def _probabilities(self, record: Mapping[str, Any]) -> Array:
        turns = _turns(record)
        names = self.reader.settings.intents
        return self._follow(turns)[1] if turns else np.full(len(names), 1 / len(names))

    def _warnings(self, articles: Articles | None) -> tuple[str, ...]:
        said = []
        if self.reader.heads.sentence is not None and "sentence" not in self.reader.views:
            said.append(NO_ENCODER)
        if articles is None:
            said.append(NO_PAGES)
        else:
            unknown = sorted(set(articles) - set(self.reader.settings.intents))
            if unknown:
                said.append(
                    f"{len(unknown)} help pages answer no intent that the model knows: {', '.join(unknown[:3])}"
                )
        return tuple(said)


def _turns(record: Mapping[str, Any]) -> tuple[Turn, ...]:
    message = (record["message"],) if "message" in record else ()
    return (*record.get("dialogue", ()), *message)


def _heads(tensors: Mapping[str, Array], settings: Settings) -> Heads:
    prefix = "adapters."
    own = {name: value for name, value in tensors.items() if not name.startswith(prefix)}
    moved = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    heads = Heads(**own, adapters=moved)
    if len(heads.terms) != len(settings.intents):
        raise ValueError(f"{len(heads.terms)} rows of weights for {len(settings.intents)} intents")
    return heads
