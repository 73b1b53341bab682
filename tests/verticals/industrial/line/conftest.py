"""A line without a model: an inspector that judges by what a unit's files say, in milliseconds."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from colonnade.core.errors import FileError
from colonnade.core.pipeline import Answered
from colonnade.verticals.industrial.line import folder
from colonnade.verticals.industrial.line.journal import Journal
from colonnade.verticals.industrial.line.keeping import Keeping
from colonnade.verticals.industrial.line.running import Line
from colonnade.verticals.industrial.line.settings import read_settings
from colonnade.verticals.industrial.line.watching import Watching
from colonnade.verticals.industrial.records import Defect
from colonnade.verticals.industrial.tasks import inspection

SENSES = ("image", "sound")


MARK = Defect(
    modality="image", centroid_mm=None, area_mm2=None, max_deviation_mm=None, kind="appearance", centroid_px=(3.0, 4.0)
)


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a line reads of an inspection's answer."""

    verdict: str
    score: float
    p_value: float
    threshold: float
    promised_false_rejects: float
    judged: tuple[str, ...]
    scores: dict[str, float]
    reasons: tuple[str, ...]
    defects: tuple[Defect, ...]
    spreads: Mapping[str, float] = field(default_factory=dict)
    registration: None = None


@dataclass
class Inspector:
    """Reads `{"score": ..., "unit": ...}`; rejects above the threshold of the senses that judged, 1 for each."""

    seen: list[dict[str, str]]
    task = inspection
    model = MappingProxyType({"name": "fake", "sha256": "0" * 64, "seed": 0})
    before: Callable[[Mapping[str, Any]], None] | None = None

    def read(self, sense: str, path: Path) -> dict[str, Any]:
        try:
            return dict(json.loads(Path(path).read_text()))
        except ValueError as error:
            raise FileError(f"{path} is truncated") from error

    def answer(self, record: Mapping[str, Any]) -> Answered:
        if self.before is not None:
            self.before(record)
        self.seen.append({sense: each["unit"] for sense, each in record.items()})
        dark = [sense for sense, each in record.items() if each.get("dark")]
        judged = tuple(sense for sense in record if sense not in dark)
        score = sum(record[sense]["score"] for sense in judged) / max(len(judged), 1) ** 0.5
        threshold = float(len(judged))
        verdict = "unmeasurable" if dark else "reject" if score > threshold else "pass"
        answer = Said(
            verdict=verdict,
            score=score,
            p_value=min(max(0.5 - score / 4, 0.01), 1.0),
            threshold=threshold,
            promised_false_rejects=0.01,
            judged=judged,
            scores={sense: math.nan if sense in dark else each["score"] for sense, each in record.items()},
            reasons=tuple(f"{sense}: dark" for sense in dark) or (f"score {score:.2f}",),
            defects=(MARK,) if verdict == "reject" else (),
        )
        return Answered(answer=answer, status="ok" if not dark else "unmeasurable", gates=dict.fromkeys(judged, 1.0))


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """The files here are of formats that do not tell whether they are whole: a real line waits a second for those."""
    monkeypatch.setattr(folder, "UNSURE", 0.05)
    monkeypatch.setattr(folder, "AGAIN", 0.1)


@pytest.fixture
def inspector() -> Inspector:
    return Inspector(seen=[])


@pytest.fixture
def put(tmp_path) -> Callable[..., Path]:
    """Puts a unit's file into `in/`, whole."""
    into = tmp_path / "in"
    into.mkdir()

    def write(unit: str, sense: str, score: float = 0.1, **more: Any) -> Path:
        path = into / f"{unit}.{'tif' if sense == 'image' else 'flac'}"
        aside = into / f".{path.name}.tmp"
        aside.write_text(json.dumps({"unit": unit, "score": score, **more}))
        return aside.replace(path)

    return write


@pytest.fixture
def made(tmp_path, inspector) -> Callable[..., Line]:
    """A line on `in/` that writes `out/`; words as on the command line."""
    open_journals: list[Journal] = []

    def make(listeners: tuple[Any, ...] = (), **words: str) -> Line:
        for journal in open_journals:
            journal.close()
        open_journals.clear()
        named = {name.replace("_", "-"): value for name, value in words.items()}
        source = {} if {"watch", "replay", "stream"} & set(named) else {"watch": str(tmp_path / "in")}
        settings = read_settings(
            {"wait": "0.3", "senses": ",".join(SENSES), **source, **named}, tmp_path / "out", SENSES
        )
        journal = Journal(settings.out)
        open_journals.append(journal)
        watching = Watching(settings.senses or SENSES, rule=settings.alarm, lost_after=settings.lost_after)
        keeping = Keeping(settings.out, keep=settings.keep, move=settings.move)
        return Line(inspector, settings, journal=journal, watching=watching, keeping=keeping, listeners=listeners)  # type: ignore[arg-type]

    yield make
    for journal in open_journals:
        journal.close()


def lines(folder: Path) -> list[dict[str, Any]]:
    """The results that a line wrote."""
    path = folder / "out" / "results.jsonl"
    return [json.loads(each) for each in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def results(tmp_path) -> Callable[[], list[dict[str, Any]]]:
    return lambda: lines(tmp_path)
