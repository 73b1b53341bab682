"""An explanation as a page: how each modality moved the answer, and what inside each of them did.

It draws what `explain` measured, whatever the task named it: numbers by name as bars, rows as a table, two dimensions
as a heat map. It computes nothing and knows no field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.result import Explanation, dumps, whole_folder

if TYPE_CHECKING:
    from ..knowledge.reports import Figure, Report, Rows, Section

MOST_BARS, MOST_ROWS = 20, 40
MOST_SIDE = 400  # cells of a heat map
BAR, WIDTH = 0.26, 9.0  # inches


def write(explanation: Explanation, folder: Path, *, gates: Mapping[str, float]) -> tuple[str, ...]:
    """`explanation.html` and `explanation.json` in the folder, whole or not at all; their paths."""
    report = page(explanation, gates=gates)
    with whole_folder(folder) as aside:
        (aside / "explanation.html").write_text(report.html(), encoding="utf-8")
        (aside / "explanation.json").write_text(dumps(explanation.to_dict()), encoding="utf-8")
    return str(folder / "explanation.html"), str(folder / "explanation.json")


def page(explanation: Explanation, *, gates: Mapping[str, float]) -> Report:
    """The page; `gates` are the weights that the answer gave to each modality, where its model has gates."""
    from ..core.version import __version__
    from ..knowledge.reports import Key, Report, Section

    told = explanation.to_dict()
    notes = (
        "Exact Shapley values over every subset of what was given: each bar is what a modality adds, averaged over all"
        " orders in which it could have come. They sum up to the answer.",
    )
    sections = [Section(heading="What each modality added", figures=(_fall(explanation),), notes=notes)]
    if gates:
        opened = _bars(gates, "How far the model opened itself to each modality for this answer (gates).")
        sections.append(Section(heading="Gates", figures=(opened,)))
    for name, value in told["parts"].items():
        sections += _parts(name, value)
    return Report(
        title=f"{explanation.task}: what made this answer",
        verdict=f"{explanation.explains}: {_number(explanation.value)}",
        keys=(
            Key(label="With nothing given", value=_number(explanation.base)),
            *(Key(label=name, value=f"{value:+.3g}") for name, value in explanation.modalities.items()),
            Key(label="The answer", value=_number(explanation.value)),
        ),
        sections=tuple(sections),
        provenance={"program": f"colonnade {__version__}", "seconds": f"{explanation.seconds:g}"},
    )


def _parts(name: str, value: Any) -> Iterator[Section]:
    """What a value is drawn as; mappings are opened, each of their parts under its own heading."""
    from ..knowledge.reports import Section

    heading = name.replace("_", " ")
    if isinstance(value, Mapping):
        numbers = {key: each for key, each in value.items() if _is_number(each)}
        words = [f"{key.replace('_', ' ')}: {each}" for key, each in value.items() if isinstance(each, str)]
        if numbers or words:
            figures = (_bars(numbers, _cut(len(numbers), MOST_BARS, "numbers, the largest")),) if numbers else ()
            yield Section(heading=heading, figures=figures, notes=tuple(words))
        for key, each in value.items():
            if isinstance(each, (Mapping, list)) and each:
                yield from _parts(f"{name}: {key}", each)
    elif _is_grid(value):
        yield Section(heading=heading, figures=(_heat(value),))
    elif isinstance(value, list) and all(_is_number(each) for each in value):
        yield Section(heading=heading, figures=(_line(value),))
    elif isinstance(value, list) and all(isinstance(each, Mapping) for each in value):
        yield from _listed(name, value)
    elif value not in (None, [], {}):
        yield Section(heading=heading, notes=(str(value),))


def _listed(name: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[Section]:
    """Rows of the same kind: a word with one number is a bar, anything else a line of a table."""
    from ..knowledge.reports import Section

    heading, first = name.replace("_", " "), rows[0]
    label = next((key for key, each in first.items() if isinstance(each, str)), None)
    numbers = [key for key, each in first.items() if _is_number(each)]
    if label is not None and len(first) == 2 and len(numbers) == 1:
        values = {f"{place + 1} {row[label]}": row[numbers[0]] for place, row in enumerate(rows)}
        yield Section(heading=heading, figures=(_bars(values, numbers[0].replace("_", " "), ordered=False),))
        return
    nested = [key for key, each in first.items() if isinstance(each, Mapping)]
    plain = [key for key in first if key not in nested]
    if plain:
        yield Section(heading=heading, tables=(_table(rows, plain),))
    for place, row in enumerate(rows[:MOST_ROWS]):
        for key in nested:
            what = row[label] if label is not None else f"{heading} {place + 1}"
            yield from _parts(f"{what}: {key}", row.get(key))


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Rows:
    from ..knowledge.reports import Rows

    return Rows(
        header=tuple(each.replace("_", " ") for each in columns),
        rows=tuple(tuple(_word(row.get(column)) for column in columns) for row in rows[:MOST_ROWS]),
        caption=_cut(len(rows), MOST_ROWS, "rows, the first"),
    )


# ---- pictures ----------------------------------------------------------------------------------------------------


def _fall(explanation: Explanation) -> Figure:
    """From the value with nothing given to the answer, one modality after the other."""
    from ..knowledge.figures import canvas, picture

    names = list(explanation.modalities)
    with canvas(WIDTH, BAR * (len(names) + 2) + 0.7) as (sheet, axes):
        at = explanation.base
        for place, name in enumerate(names):
            step = explanation.modalities[name]
            axes.barh(place + 1, step, left=at, height=0.62, color="#c4622d" if step > 0 else "#2f5d8a")
            axes.annotate(f"{step:+.3g}", (max(at, at + step), place + 1), xytext=(4, 0), va="center",
                          textcoords="offset points", fontsize=8)  # fmt: skip
            axes.plot([at + step] * 2, [place + 0.7, place + 2.3], color="#5b6676", linewidth=0.7)
            at += step
        axes.plot([explanation.base], [0], "o", color="#5b6676", markersize=5)
        axes.plot([explanation.value], [len(names) + 1], "o", color="#1c2430", markersize=6)
        axes.set_yticks(range(len(names) + 2), ["nothing given", *names, "the answer"])
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.set_xlabel(explanation.explains)
        return picture(sheet, "Orange raises it, blue lowers it.", vector=True)


def _bars(values: Mapping[str, float], caption: str, *, ordered: bool = True) -> Figure:
    from ..knowledge.figures import canvas, picture

    kept = [(name, float(value)) for name, value in values.items()]
    if ordered:
        kept = sorted(kept, key=lambda pair: -abs(pair[1]))[:MOST_BARS]
    with canvas(WIDTH, BAR * len(kept) + 0.5) as (sheet, axes):
        axes.barh(
            range(len(kept)), [value for _, value in kept], height=0.62,
            color=["#c4622d" if value > 0 else "#2f5d8a" for _, value in kept],
        )  # fmt: skip
        axes.set_yticks(range(len(kept)), [name.replace("_", " ") for name, _ in kept])
        axes.axvline(0, color="#5b6676", linewidth=0.7)
        axes.invert_yaxis()
        return picture(sheet, caption, vector=True)


def _line(values: Sequence[float]) -> Figure:
    from ..knowledge.figures import canvas, picture

    with canvas(WIDTH, 2.0) as (sheet, axes):
        axes.plot(range(1, len(values) + 1), [float(each) for each in values], marker=".", linewidth=0.8)
        axes.margins(x=0.02)
        return picture(sheet, f"{len(values)} values in their order.", vector=True)


def _heat(grid: Sequence[Sequence[float]]) -> Figure:
    import numpy as np

    from ..knowledge.figures import canvas, picture

    values = np.asarray(grid, float)
    steps = [-(-side // MOST_SIDE) for side in values.shape]
    with canvas(WIDTH, min(5.0, 1.0 + 6.0 * values.shape[0] / max(values.shape[1], 1))) as (sheet, axes):
        shown = axes.imshow(values[:: steps[0], :: steps[1]], aspect="auto", cmap="viridis", interpolation="nearest")
        sheet.colorbar(shown, ax=axes)
        return picture(sheet, f"{values.shape[0]} by {values.shape[1]} values.")


# ---- words -------------------------------------------------------------------------------------------------------


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_grid(value: Any) -> bool:
    return (
        isinstance(value, list) and len(value) > 1 and all(isinstance(row, list) and row for row in value)
        and len({len(row) for row in value}) == 1 and all(_is_number(each) for row in value for each in row)
    )  # fmt: skip


def _number(value: float) -> str:
    return f"{value:.4g}"


def _word(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list):
        return ", ".join(_word(each) for each in value)
    return str(value)


def _cut(count: int, most: int, what: str) -> str:
    return f"{most} of {count} {what}." if count > most else ""
