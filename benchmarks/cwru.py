"""Does the fault model know a damage that it never saw, or the bearings it learned? Case Western Reserve recordings.

    python benchmarks/cwru.py            # two minutes on an idle core; data in ../shared/data/cwru or $COLONNADE_DATA

By load every bearing is in training and in test (an identity test); by fault diameter no bearing is. Choices are
made by leaving a diameter out inside the training diameters.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from results import table, write

from colonnade.core.progress import track
from colonnade.core.types import Array, Waveform
from colonnade.verticals.industrial.maintenance.data import Recording, read_labelled
from colonnade.verticals.industrial.maintenance.envelope import RATE
from colonnade.verticals.industrial.maintenance.faults import COMBS, PARTS, STRENGTH, numbers_of, pieces
from colonnade.verticals.industrial.maintenance.records import FAULTS, Bearing
from colonnade.verticals.industrial.maintenance.vibrations import read_vibration

COMMAND = "python benchmarks/cwru.py"
DATA = Path(os.environ.get("COLONNADE_DATA", Path(__file__).parents[1] / ".." / "shared" / "data")) / "cwru"
DIAMETERS = ("7", "14", "21")
SMOOTHED = tuple(f"{part}, smoothed" for part in PARTS)
SETS: Mapping[str, tuple[str, ...]] = {
    "three combs, cepstral": COMBS,
    "three combs, smoothed": SMOOTHED,
    "both": COMBS + SMOOTHED,
    "three combs and cage, cepstral": (*COMBS, "cage, cepstral"),
    "three combs and kurtosis": (*COMBS, "kurtosis"),
}
SEEN = (
    "What was looked at: the comb (three harmonics at one shift), the whitening and the two tallest bands were "
    "designed with "
    "tables of comb heights of all recordings in sight, all diameters among them; the classifier, its numbers and its "
    "penalty are those of the first row, what is chosen blindly inside is in the second. Outer race at 14 mils "
    "and inner "
    "race at 28 mils show no comb at their orders, and ball faults rarely do: the first two are counted as "
    "misses, and a "
    "ball is told by the absence of a comb in a damaged bearing. There is one normal recording, so no split can "
    "test normal "
    "against damaged; it is left out of the accuracies."
)
STRENGTHS = (0.03, STRENGTH, 3.0)


class Rows:
    """Every piece and every whole recording: numbers, and what they are."""

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self.numbers: list[dict[str, float]] = []
        told = []
        for recording in track(list(recordings), "reading recordings"):
            wave = read_vibration(recording.path).wave
            for piece, whole in [(each, False) for each in pieces(wave)] + [(wave, True)]:
                self.numbers.append(numbers_of(piece, recording.rpm, Bearing(), in_g=True))
                told.append((recording.fault, recording.group, recording.rpm, whole))
        fault, diameter, rpm, whole_ones = zip(*told, strict=True)
        self.fault, self.diameter = np.array(fault), np.array(diameter)
        self.rpm, self.whole = np.array(rpm), np.array(whole_ones)

    def columns(self, names: Sequence[str]) -> Array:
        rows = [[np.log(each[name]) if name == "kurtosis" else each[name] for name in names] for each in self.numbers]
        return np.array(rows)


def log_bands(wave: Waveform, count: int = 48) -> Array:
    """The share of the power in even bands, in logarithms: what a spectrum without physics says."""
    power = np.abs(np.fft.rfft(wave.samples * np.hanning(len(wave.samples)))) ** 2
    found = np.array([part.sum() for part in np.array_split(power, count)])
    return np.log(found / found.sum() + 1e-12)


def logistic(strength: float) -> Callable[[], Any]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return lambda: make_pipeline(
        StandardScaler(), LogisticRegression(C=strength, max_iter=3000, class_weight="balanced")
    )


def boosting() -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=100, min_samples_leaf=10, random_state=0)


def predicted(make: Callable[[], Any], values: Array, rows: Rows, train: Array, test: Array) -> Array:
    """Fitted on pieces only; whatever is in `test` is answered."""
    model = make()
    teach = train & ~rows.whole
    model.fit(values[teach], rows.fault[teach])
    return np.asarray(model.predict(values[test]))


def by_diameter(make: Callable[[], Any], values: Array, rows: Rows) -> tuple[Array, Array]:
    """Answers with each diameter left out in turn, and which rows have one."""
    answers = np.full(len(rows.fault), "", dtype=object)
    for left in DIAMETERS:
        train = np.isin(rows.diameter, [each for each in DIAMETERS if each != left])
        test = rows.diameter == left
        answers[test] = predicted(make, values, rows, train, test)
    return answers, np.isin(rows.diameter, DIAMETERS)


def inner(make: Callable[[], Any], values: Array, rows: Rows, left: str) -> float:
    """Accuracy on recordings inside the other diameters, one of them left out in turn."""
    others = [each for each in DIAMETERS if each != left]
    found = []
    for held, taught in (others, others[::-1]):
        test = (rows.diameter == held) & rows.whole
        found.append(np.mean(predicted(make, values, rows, rows.diameter == taught, test) == rows.fault[test]))
    return float(np.mean(found))


def nested(rows: Rows) -> tuple[Array, list[str]]:
    """The set of numbers and the penalty chosen for each left-out diameter without looking at it."""
    answers, chosen = np.full(len(rows.fault), "", dtype=object), []
    for left in DIAMETERS:
        tried = {
            (name, strength): inner(logistic(strength), rows.columns(names), rows, left)
            for name, names in SETS.items()
            for strength in STRENGTHS
        }
        name, strength = max(tried, key=tried.__getitem__)
        train = np.isin(rows.diameter, [each for each in DIAMETERS if each != left])
        test = rows.diameter == left
        answers[test] = predicted(logistic(strength), rows.columns(SETS[name]), rows, train, test)
        chosen.append(f"{left} mils: {name}, C {strength:g} (inner {tried[name, strength]:.2f})")
    return answers, chosen


def scores(answers: Array, rows: Rows, known: Array) -> tuple[str, ...]:
    """Accuracy over recordings, over pieces, for each diameter, and recall for each fault."""
    right = answers == rows.fault
    whole, part = known & rows.whole, known & ~rows.whole
    cells = [f"{right[whole].mean():.3f}", f"{right[part].mean():.3f}"]
    cells += [f"{right[whole & (rows.diameter == each)].mean():.3f}" for each in DIAMETERS]
    return (*cells, *(f"{right[whole & (rows.fault == each)].mean():.2f}" for each in PARTS))


def over_bearings(answers: Array, rows: Rows, known: Array) -> str:
    """The accuracy over recordings with its 95 % interval over redrawn bearings (fault and diameter)."""
    from colonnade.core.trust.intervals import bootstrap

    whole = known & rows.whole
    groups = np.char.add(rows.fault[whole].astype(str), rows.diameter[whole].astype(str))
    right = (answers == rows.fault)[whole].astype(float)
    found = bootstrap(lambda values: float(values.mean()), right, groups=groups, seed=0)
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}] over {len(set(groups))} bearings"


def plain(recordings: Sequence[Recording]) -> tuple[float, float, float]:
    """Boosting on the log-band spectrum of one-second pieces: pieces and recordings (by vote) by diameter; by load."""
    values, fault, diameter, rpm, name = [], [], [], [], []
    for recording in recordings:
        samples = read_vibration(recording.path).wave.samples
        for start in range(0, len(samples) - RATE + 1, RATE):
            values.append(log_bands(Waveform(samples=samples[start : start + RATE], rate=RATE)))
            fault.append(recording.fault)
            diameter.append(recording.group)
            rpm.append(recording.rpm)
            name.append(recording.path.stem)
    rows, labels, groups = np.array(values), np.array(fault), np.array(diameter)
    answers = np.full(len(labels), "", dtype=object)
    for left in DIAMETERS:
        train = np.isin(groups, [each for each in DIAMETERS if each != left])
        answers[groups == left] = boosting().fit(rows[train], labels[train]).predict(rows[groups == left])
    known, names = np.isin(groups, DIAMETERS), np.array(name)
    right = answers == labels
    voted = [right[names == each].mean() > 0.5 for each in np.unique(names[known])]
    by_load, faulty = [], labels != FAULTS[0]
    for left in np.unique(rpm):
        test = faulty & (np.array(rpm) == left)
        by_load += list(
            boosting().fit(rows[faulty & ~test], labels[faulty & ~test]).predict(rows[test]) == labels[test]
        )
    return float(right[known].mean()), float(np.mean(voted)), float(np.mean(by_load))


def by_load(make: Callable[[], Any], values: Array, rows: Rows) -> float:
    """Each load left out in turn: the same bearings on both sides."""
    right = []
    faulty = rows.fault != FAULTS[0]
    for left in np.unique(rows.rpm):
        test = (rows.rpm == left) & faulty & rows.whole
        right += list(predicted(make, values, rows, (rows.rpm != left) & faulty, test) == rows.fault[test])
    return float(np.mean(right))


def heights(rows: Rows) -> str:
    """Median comb height of whole recordings, by fault and diameter."""
    values = rows.columns(COMBS)
    lines = []
    for fault in (*PARTS, FAULTS[0]):
        for diameter in sorted(set(rows.diameter[rows.fault == fault]), key=int):
            chosen = (rows.fault == fault) & (rows.diameter == diameter) & rows.whole
            level = np.median(values[chosen], axis=0)
            what = fault if diameter == "0" else f"{fault}, {diameter} mils"
            lines.append((what, f"{chosen.sum()}", *(f"{level[PARTS.index(part)]:.1f}" for part in PARTS)))
    return table(("recordings", "n", *(f"{part} comb" for part in PARTS)), lines)


def main() -> None:
    if not DATA.is_dir():
        raise SystemExit(f"no data at {DATA}: set COLONNADE_DATA")
    recordings = read_labelled(DATA, "recordings").recordings
    rows = Rows(recordings)
    head = ("leave one diameter out", "recordings", "pieces", *(f"{each} mils" for each in DIAMETERS), *PARTS)
    lines = []
    ours, known = by_diameter(logistic(STRENGTH), rows.columns(COMBS), rows)
    lines.append(("**three combs, logistic (shipped)**", *scores(ours, rows, known)))
    chosen_answers, chosen = nested(rows)
    lines.append(("numbers and penalty chosen inside", *scores(chosen_answers, rows, known)))
    for name, names in list(SETS.items())[1:]:
        lines.append(
            (f"{name}, logistic", *scores(by_diameter(logistic(STRENGTH), rows.columns(names), rows)[0], rows, known))
        )
    lines.append(
        ("boosting on the three combs", *scores(by_diameter(boosting, rows.columns(COMBS), rows)[0], rows, known))
    )
    pieces_right, voted, load = plain(recordings)
    lines.append(("boosting on the log-band spectrum", f"{voted:.3f}", f"{pieces_right:.3f}", *["" for _ in range(6)]))
    largest = rows.diameter == "28"
    beyond = predicted(logistic(STRENGTH), rows.columns(COMBS), rows, known, largest & rows.whole)
    paragraphs = [
        f"Leaving a diameter out: {over_bearings(ours, rows, known)}; goal .90. The mean over diameters is "
        f"{np.mean([float(cell) for cell in scores(ours, rows, known)[2:5]]):.3f}, below it.",
        table(head, lines),
        "Chosen inside: " + "; ".join(chosen) + ". Inside there is one diameter to learn from and one to choose by, of "
        "which 14 mils shows no outer race: a weak judge.",
        f"By load (the same bearings on both sides, an identity test) boosting on the log-band spectrum reaches "
        f"{load:.3f}, "
        f"the three combs {by_load(logistic(STRENGTH), rows.columns(COMBS), rows):.3f}: they cannot learn a "
        "bearing by heart.",
        "28 mils (another make of bearing; ball and inner race only; learned from 7, 14 and 21): "
        f"{np.mean(beyond == rows.fault[largest & rows.whole]):.3f} of {len(beyond)} recordings.",
        "Evidence: median height of each comb (log, above its surroundings) in whole recordings.",
        heights(rows),
        SEEN,
    ]
    text = "\n\n".join(paragraphs)
    write("Bearing faults by fault diameter (CWRU)", command=COMMAND, text=text, packages=("scikit-learn", "scipy"))
    print(text)


if __name__ == "__main__":
    main()
