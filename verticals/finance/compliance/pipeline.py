"""`finance/compliance`: payments, parties, lists and documents to ranked alerts with evidence, and a report.

Rules find, the ranker orders, and neither knows the other: the rules work without any weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ....core import digest
from ....core.checkpoint import Checkpoint
from ....core.config import from_plain, to_plain
from ....core.pipeline import Answered, FitOptions, Pipeline
from ....core.result import Evaluation
from ....core.training.continual import replayed
from ....core.trust.calibration import Platt
from ..tasks import compliance
from .against import against, missing
from .answers import Alert, Reviewed
from .book import Book, book_of
from .documents import read_documents
from .entities import read_entities
from .graph import told
from .lists import read_lists
from .payments import read_payments
from .ranking.counters import party_of
from .ranking.ranker import HEAD, MODALITY, NetworkConfig, Ranker, Scored
from .records import written
from .report import report_of
from .review import firings_of, rule_of
from .typologies.rule import Firing

if TYPE_CHECKING:
    from ....core.data.quality import Rows
    from ....core.export.program import Program
    from ....core.governance import Governance

READERS = {"payments": read_payments, "entities": read_entities, "lists": read_lists, "dossier": read_documents}
NEED_LISTS = ("GEO", "SANCTION", "PEP", "TBML", "TF")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The configuration on a checkpoint."""

    network: NetworkConfig
    slope: float
    offset: float
    kept: bool


class CompliancePipeline(Pipeline):
    """Alerts of typologies in payments, ranked, each with its proof."""

    task = compliance
    weights = Path(__file__).parents[1] / "weights" / "compliance"
    explains = "number of cases expected among the alerts"

    def __init__(self, ranker: Ranker, card: Mapping[str, Any]) -> None:
        self.ranker, self.card = ranker, card

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> Self:
        settings: Settings = from_plain(Settings, checkpoint.config)
        platt = Platt(slope=settings.slope, offset=settings.offset)
        return cls(Ranker.of(checkpoint.tensors, settings.network, platt, kept=settings.kept), checkpoint.card)

    def to_checkpoint(self) -> Checkpoint:
        platt = self.ranker.platt
        settings = Settings(network=self.ranker.config, slope=platt.slope, offset=platt.offset, kept=self.ranker.kept)
        return Checkpoint(kind=self.task.name, config=to_plain(settings), tensors=self.ranker.tensors(), card=self.card)

    def read(self, modality: str, value: Any) -> Any:
        return READERS[modality](value)

    # ---- the verbs --------------------------------------------------------------------------------------------------

    def answer(self, record: Mapping[str, Any]) -> Answered:
        book = _book(record)
        firings, scored = self.review(book)
        order = np.argsort(-scored.probability, kind="stable")
        ranked = [firings[place] for place in order]
        alerts = tuple(
            _alert(book, firings[place], scored, int(place), number) for number, place in enumerate(order, start=1)
        )
        counts: dict[str, int] = {}
        for firing in firings:
            counts[firing.rule] = counts.get(firing.rule, 0) + 1
        reviewed = Reviewed(
            as_of=written(book.as_of),
            payments=len(book),
            accounts=len(book.entities.accounts),
            alerts=alerts,
            by_rule=dict(sorted(counts.items())),
            expected_cases=float(scored.probability.sum()),
            not_run=() if book.lists else NEED_LISTS,
        )
        warnings = _warnings(record, book)
        provenance = {
            "model": f"{self.model.get('name', 'not saved')}, seed {self.model.get('seed')}",
            "weights SHA-256": str(self.model.get("sha256", "not saved")),
            "ranker trained on": str(self.card.get("trained_on", "not said")),
        }
        report = report_of(reviewed, book, ranked, warnings=warnings, provenance=provenance)
        return Answered(answer=reviewed, warnings=tuple(warnings), report=report, basis=(book, ranked))

    def review(self, book: Book) -> tuple[Sequence[Firing], Scored]:
        """What the rules say of a book, and how likely each is to be a case."""
        firings = firings_of(book)
        return firings, self.ranker.score(book, firings)

    def measure(self, record: Mapping[str, Any]) -> float:
        """Nothing is expected without payments and parties."""
        if not {"payments", "entities"} <= set(record):
            return 0.0
        _, scored = self.review(_book(record))
        return float(scored.probability.sum())

    def parts(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """For the most urgent alerts, log-odds from rules' counters and from the evidence's graph."""
        firings, scored = self.review(_book(record))
        order = np.argsort(-scored.probability, kind="stable")[:10]
        return {
            "alerts": [
                {"rule": firings[at].rule, "subject": firings[at].subject, "counters": float(scored.trees[at]),
                 "graph": float(scored.network[at]), "score": float(scored.probability[at])}
                for at in order
            ]
        }  # fmt: skip

    def evaluate_on(self, data: Path, *, layout: str | None, seed: int) -> Evaluation:
        from .evaluation import evaluate
        from .sources import sources_in

        return evaluate(self.ranker, sources_in(data, layout=layout), task=self.task.name, data=str(data), seed=seed)

    def fit_on(self, data: Path, options: FitOptions) -> Self:
        from .recipes import fitted
        from .sources import sources_in

        sources = replayed(
            sources_in(data), None if options.replay is None else sources_in(options.replay), seed=options.seed
        )
        ranker, card = fitted(self.ranker, sources, options)
        card["data_sha256"] = digest.of_file(data)
        return type(self)(ranker, card)

    def rows_in(self, data: Path) -> Rows:
        """The alerts that the rules raise, by their counters."""
        from ....core.data.quality import Rows
        from .ranking.counters import NAMES, Counters
        from .sources import sources_in

        values, ids, digests, labels = [], [], [], []
        for source in sources_in(data):
            firings = firings_of(source.book)
            right = source.truth.right(firings, source.book)
            values.append(Counters(source.book, firings).rows())
            ids += [f"{source.name}/{number} {firing.rule}" for number, firing in enumerate(firings)]
            digests += [digest.of_value([firing.rule, row]) for firing, row in zip(firings, values[-1], strict=True)]
            labels += ["case" if each else "no case" for each in right]
        return Rows(
            names=tuple(NAMES), values=np.concatenate(values), ids=tuple(ids), digests=tuple(digests),
            labels=tuple(labels),
        )  # fmt: skip

    def govern_on(self, data: Path | None, *, groups: tuple[str, ...], seed: int) -> Governance:
        from ..governance.compliance.report import govern

        return govern(self.ranker, self.card, checkpoint=self.model, data=data, groups=groups, seed=seed)

    def program(self) -> Program:
        """The network over an alert's evidence: what it adds to the trees' log-odds."""
        from ....core.export.multimodal import program_of
        from .ranking.subgraph import graph_of
        from .simulation.world import Size, world

        book = world(0, Size(persons=40, days=60, planted=1, lookalikes=0, typologies=("STRUCT-1", "FANIN"))).book()
        graphs = [graph_of(book, firing) for firing in firings_of(book)[:2]]
        batch = self.ranker.network.collate([{MODALITY: graph} for graph in graphs])
        messages = ("sources", "targets", "relations", "sent")
        return program_of(
            self.ranker.network,
            batch,
            lengths={
                f"{MODALITY}.features": {1: "nodes"}, f"{MODALITY}.mask": {1: "nodes"},
                **{f"{MODALITY}.{name}": {1: "messages"} for name in messages},
            },
            notes={
                "before": "rules find the alert; its evidence is a graph of accounts, payments, links and list entries",
                "after": f"{HEAD}: log-probabilities; their difference joins the trees' log-odds, then calibration",
            },
        )  # fmt: skip


def _book(record: Mapping[str, Any]) -> Book:
    return book_of(record["payments"], record["entities"], record.get("lists", ()), record.get("dossier"))


def _alert(book: Book, firing: Firing, scored: Scored, place: int, number: int) -> Alert:
    rule, party, entities = rule_of(firing), party_of(book, firing), book.entities
    links = [entities.links[each] for each in firing.links]
    entries = [book.lists[each] for each in firing.entries]
    return Alert(
        number=number,
        rule=rule.id,
        title=rule.title,
        subject=firing.subject,
        party=party.id if party is not None else "",
        name=party.name if party is not None else "",
        at=written(firing.at),
        score=float(scored.probability[place]),
        parts={"counters": float(scored.trees[place]), "graph": float(scored.network[place])},
        measures=dict(firing.measures),
        clauses=tuple({"id": clause.id, "says": clause.says} for clause in rule.clauses),
        evidence={
            "payments": tuple(told(book, row) for row in firing.rows),
            "links": tuple(f"{each.source} {each.kind} {each.target}" for each in links),
            "entries": tuple(f"{each.list} {each.id}: {each.name}" for each in entries),
        },
        counter_evidence=against(book, firing, scored.rows[place]),
        missing=missing(book, firing),
    )


def _warnings(record: Mapping[str, Any], book: Book) -> list[str]:
    said = []
    if not book.lists:
        said.append(f"no lists were given: {', '.join(NEED_LISTS)} were not run")
    if "dossier" not in record:
        said.append("no dossier was given: what customers have explained before is not heard")
    unheld = int((book.holder < 0).sum())
    if unheld:
        said.append(f"{unheld} of {len(book.holder)} accounts have no holder: rules of parties do not see them")
    return said
