"""`finance/notes`: a filing's tables and text to a note whose numbers are computed again and whose claims cite cells.

Questions on the filing are answered by programs over its cells; a price series adds the outlook of
`finance/market-risk`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ....core.checkpoint import Checkpoint
from ....core.errors import FormatError, InputError, UnknownName
from ....core.pipeline import Answered, FitOptions, Pipeline
from ....core.result import Evaluation, Interval
from ....core.training.continual import replayed
from ....core.types import Text
from ..tasks import notes
from .check import contradictions
from .findings import findings_of
from .grammar import cited
from .read import filing_of, read_filing
from .records import Answer, Filing, Note
from .report import claims_of, counted, report_of
from .scorer import Scorer, answered, tensors_of

if TYPE_CHECKING:
    from ....core.export.program import Program
    from ....core.governance import Governance

QUESTIONS = 40
RECIPES = ("tatqa",)
UNSURE = 0.35


class NotesPipeline(Pipeline):
    """Reads a filing, says what its tables say, and answers questions on it."""

    task = notes
    weights = Path(__file__).parents[1] / "weights" / "notes"
    explains = "number of claims that can be said and verified"

    def __init__(self, scorer: Scorer, card: Mapping[str, Any]) -> None:
        self.scorer, self.card = scorer, card

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> Self:
        if checkpoint.config:
            raise ValueError(f"the configuration of {cls.task.name} is empty, got {sorted(checkpoint.config)}")
        return cls(Scorer(**checkpoint.tensors), checkpoint.card)

    def to_checkpoint(self) -> Checkpoint:
        return Checkpoint(kind=self.task.name, config={}, tensors=tensors_of(self.scorer), card=self.card)

    def read(self, modality: str, value: Any) -> Any:
        if modality == "prices":
            from ..market_risk.prices import read_prices

            return read_prices(value)
        if modality == "questions":
            return _questions(value)
        if isinstance(value, Filing):
            return value
        if isinstance(value, Mapping):
            return filing_of(value, "the document given")
        if not isinstance(value, Path):
            raise FormatError(f"a filing is a file or folder, got {type(value).__name__} {value!r:.40}")
        return read_filing(value)

    def answer(self, record: Mapping[str, Any]) -> Answered:
        filing: Filing = record["filing"]
        findings = findings_of(filing)
        asked: tuple[str, ...] = record.get("questions", ())
        found = [(question, answered(question, filing, self.scorer)) for question in asked]
        answers = tuple(each for _, each in found if each is not None)
        outlook = _outlook(record)
        warnings = (*filing.warnings, *_warnings(found))
        claims = claims_of(filing, findings)
        provenance = {
            "model": f"{self.model.get('name', 'not saved')}, seed {self.model.get('seed')}",
            "weights SHA-256": str(self.model.get("sha256", "not saved")),
            "questions learnt from": str(self.card.get("trained_on", "not said")),
        }
        report = report_of(filing, findings, answers, outlook=outlook, warnings=warnings, provenance=provenance)
        note = Note(
            filing=filing.name,
            tables=len(filing.tables),
            paragraphs=len(filing.paragraphs),
            claims=tuple(claim.sentence() for claim in claims),
            citations=tuple(cited(each) for each in findings),
            contradictions=tuple(sentence for _, _, sentence in contradictions(filing)),
            answers=answers,
            outlook=outlook[0] if outlook else None,
            checked=len(report.claims()),
        )
        return Answered(answer=note, warnings=warnings, report=report, basis=(filing, findings))

    def measure(self, record: Mapping[str, Any]) -> float:
        """Questions can only be answered, and text can only be checked, where the filing is."""
        count = 1.0 if "prices" in record else 0.0
        if "filing" in record:
            filing: Filing = record["filing"]
            count += len(findings_of(filing)) + len(contradictions(filing))
            count += sum(answered(each, filing, self.scorer) is not None for each in record.get("questions", ()))
        return count

    def parts(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """The kinds of findings, and for each question the operations that were weighed."""
        from .grounding import ground
        from .programs import OPERATIONS

        filing: Filing = record["filing"]
        kinds: dict[str, int] = {}
        for each in findings_of(filing):
            kinds[each.kind] = kinds.get(each.kind, 0) + 1
        found: dict[str, Any] = {"filing": {"findings": kinds}}
        if "questions" in record:
            found["questions"] = [
                {
                    "question": each,
                    "operations": dict(
                        zip(OPERATIONS, self.scorer.chances(ground(each, filing)).tolist(), strict=True)
                    ),
                }
                for each in record["questions"]
            ]
        return found

    def evaluate_on(self, data: Path, *, layout: str | None, seed: int) -> Evaluation:
        from .evaluation import evaluate
        from .questions import read_tatqa

        return evaluate(self.scorer, read_tatqa(data, layout=layout), task=self.task.name, data=str(data), seed=seed)

    def fit_on(self, data: Path, options: FitOptions) -> Self:
        from ....core import digest
        from .questions import read_tatqa
        from .training import fit, lessons_of

        if options.recipe is not None and options.recipe not in RECIPES:
            raise UnknownName("recipe", options.recipe, RECIPES)
        if options.method not in ("full", "probe"):
            raise InputError(
                f"{options.method} is not for {self.task.name}: its scorer is linear and has no layers to adapt; "
                "--method probe pulls a fit towards the weights it starts from, which does the same for little data"
            )
        documents = replayed(
            read_tatqa(data), None if options.replay is None else read_tatqa(options.replay), seed=options.seed
        )
        lessons = lessons_of([(asked, filing) for filing, questions in documents for asked in questions])
        card = {
            "recipe": options.recipe or "tatqa",
            "trained_on": f"{data.name}: {len(lessons)} questions on {len(documents)} documents",
            "data_sha256": digest.of_file(data),
            "method": options.method,
            "seed": options.seed,
            "inputs": "a filing (tables and text), questions in English, daily prices",
            "outputs": "a note whose claims cite cells; answers with the program they were computed by",
        }
        return type(self)(fit(lessons, start=self.scorer if options.method == "probe" else None), card)

    def labelled_in(self, data: Path) -> Iterable[tuple[str, Mapping[str, Any], str, str]]:
        from .questions import read_tatqa

        for place, (_, questions) in enumerate(read_tatqa(data), start=1):
            for number, asked in enumerate(questions, start=1):
                said = {"question": Text(text=asked.question), "answer": Text(text=" ".join(asked.values))}
                yield f"document {place}, question {number}", said, asked.kind, f"document {place}"

    def govern_on(self, data: Path | None, *, groups: tuple[str, ...], seed: int) -> Governance:
        from ..governance.notes.report import govern

        return govern(self.scorer, self.card, checkpoint=self.model, data=data, groups=groups, seed=seed)

    def program(self) -> Program:
        from .program import program_of

        return program_of(self.scorer)


def _questions(value: Any) -> tuple[str, ...]:
    text = value.text if isinstance(value, Text) else value
    if not isinstance(text, str):
        raise FormatError(f"questions are text, one a line, got {type(text).__name__} {text!r:.40}")
    lines = tuple(" ".join(line.split()) for line in text.splitlines() if line.strip())
    if not lines:
        raise FormatError("questions are text, one a line: there is none")
    if len(lines) > QUESTIONS or max(map(len, lines)) > 500:
        raise FormatError(f"at most {QUESTIONS} questions of 500 letters are answered at once, got {len(lines)}")
    return lines


def _warnings(found: list[tuple[str, Answer | None]]) -> list[str]:
    said = [f"no program answers {question!r}" for question, answer in found if answer is None]
    unsure = [answer.question for _, answer in found if answer is not None and answer.confidence < UNSURE]
    if unsure:
        said.append(f"{counted(len(unsure), 'answer')} to check (confidence under {UNSURE}, sums hold): {unsure[0]!r}")
    return said


def _outlook(record: Mapping[str, Any]) -> tuple[Interval, str] | None:
    """The next day's volatility by the market-risk model that ships, and what it is."""
    if "prices" not in record:
        return None
    from ..market_risk.pipeline import MarketRiskPipeline

    prices = record["prices"]
    risk = MarketRiskPipeline.from_pretrained().predict(prices=prices)
    span: Interval = risk.forecast["1"].volatility
    digest = str(risk.model.get("sha256", ""))[:12]
    return span, f"finance/market-risk, weights {digest}, on {len(prices)} bars of {prices.name} up to {prices.day(-1)}"
