"""The note as a page: what the tables say, where the text does not agree with them, the questions, the outlook.

Every sentence is a claim of grammar.py or of one of the forms below, measured again when the page is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from ....core.result import Interval
from ....knowledge.claims import Claim, Evidence, Fact
from ....knowledge.reports import Key, Report, Section
from .amounts import again, amount_of, label_of, period_of
from .check import contradictions
from .drawings import changes, key_of, printed, shown
from .findings import Finding
from .grammar import cited, claim_of
from .programs import OPERATIONS, Program, execute
from .records import Answer, Filing

BANNER = "Written from the filing by rules: no sentence is free text, and none is advice."


def claims_of(filing: Filing, findings: Sequence[Finding]) -> tuple[Claim, ...]:
    return tuple(claim_of(each, filing) for each in findings)


def report_of(
    filing: Filing,
    findings: Sequence[Finding],
    answers: Sequence[Answer],
    *,
    outlook: tuple[Interval, str] | None,
    warnings: Sequence[str],
    provenance: Mapping[str, str],
) -> Report:
    """The page, verified as it is made.

    Raises:
        UnsupportedClaim: a sentence that its evidence does not carry (a fault of the program).
    """
    disagreeing = _disagreeing(filing)
    replies = tuple(_reply(each, filing) for each in answers)
    evidence = _evidence(filing, findings, answers, outlook)
    numbers = {key: number for number, key in enumerate(evidence, start=1)}
    tables = tuple(
        printed(grid, set(evidence), numbers)
        for grid in filing.tables
        if any(cell.key in evidence for cell in grid.cells)
    )
    chart = changes(findings, filing)
    found = claims_of(filing, findings)
    sections = [Section(heading="What the tables say", claims=found, figures=(chart,) if chart else ())]
    if disagreeing:
        sections.append(Section(heading="Where text and tables disagree", claims=disagreeing))
    if replies:
        sections.append(Section(heading="Questions", claims=replies))
    if outlook is not None:
        sections.append(Section(heading="Outlook of the price", claims=(_outlook(outlook[0]),)))
    sections.append(Section(heading="The tables", figures=tables))
    return Report(
        title=f"Note on {filing.name}",
        verdict=f"{counted(len(found), 'finding')} recomputed from {counted(len(filing.tables), 'table')}"
        + (f"; {counted(len(disagreeing), 'sentence')} of the text not in line with them" if disagreeing else ""),
        tone="warn" if disagreeing else "plain",
        banner=BANNER,
        keys=_keys(filing, findings),
        sections=tuple(sections),
        evidence=evidence,
        warnings=tuple(warnings),
        provenance=provenance,
    )


def _keys(filing: Filing, findings: Sequence[Finding]) -> tuple[Key, ...]:
    keys = []
    for each in [finding for finding in findings if finding.kind == "change"][:4]:
        new, old = each.cells
        grid = next(grid for grid in filing.tables if grid.number == new.table)
        rate = 100 * (new.value - old.value) / old.value
        note = f"{period_of(new, grid)}; {rate:+.1f} % on {period_of(old, grid)}"
        keys.append(Key(label=label_of(new, grid)[:60], value=amount_of(new), note=note))
    return tuple(keys)


def _disagreeing(filing: Filing) -> tuple[Claim, ...]:
    """One claim for each sentence of the text that no cell carries, quoting both."""
    claims = []
    for paragraph, cell, sentence in contradictions(filing):
        grid = next(grid for grid in filing.tables if grid.number == cell.table)
        claims.append(
            Claim(
                template="The text says “{sentence}”; the table has {value} for {label} in {period}.",
                facts={
                    "sentence": Fact(
                        value=sentence,
                        evidence=paragraph.key,
                        measure=partial(_quoted, filing, paragraph.order, sentence),
                    ),
                    "value": Fact(
                        value=amount_of(cell),
                        evidence=cell.key,
                        measure=partial(_amount_again, filing, cell.key),
                    ),
                    "label": Fact(value=label_of(cell, grid), evidence=cell.key, measure=partial(label_of, cell, grid)),
                    "period": Fact(
                        value=period_of(cell, grid), evidence=cell.key, measure=partial(period_of, cell, grid)
                    ),
                },
                kind="contradiction",
            )
        )
    return tuple(claims)


def _quoted(filing: Filing, order: int, words: str) -> str:
    """The words, if the paragraph has them."""
    paragraph = filing.paragraph(order)
    return words if paragraph is not None and words in paragraph.text else ""


def _reply(answer: Answer, filing: Filing) -> Claim:
    """A question and its answer, computed again from the cells that it cites; words are looked up in the text."""
    where = answer.cells[0] if answer.cells else f"paragraph {answer.paragraphs[0]}"
    said = spoken(answer)
    template = "{question} {answer}"
    facts = {
        "question": Fact(value=answer.question, evidence=where, measure=lambda: answer.question),
        "answer": Fact(value=said, evidence=where, measure=partial(_spoken_again, answer, filing)),
    }
    if answer.derivation and answer.operation in OPERATIONS[4:9]:
        template = "{question} {answer} = {sum}"
        facts["sum"] = Fact(
            value=answer.derivation, evidence=answer.cells[-1], measure=partial(_derived_again, answer, filing)
        )
    return Claim(template=template, facts=facts, kind="answer")


def counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}"


def spoken(answer: Answer) -> str:
    """The answer in words."""
    words = ", ".join(answer.values)
    if answer.scale == "percent":
        return words if "%" in words else f"{words} %"
    return f"{words} {answer.scale}".strip()


def _spoken_again(answer: Answer, filing: Filing) -> str:
    if answer.operation == "text":
        quoted = _quoted(filing, answer.paragraphs[0], answer.values[0])
        return quoted if len(answer.values) == 1 else ""
    if answer.operation in ("periods", "labels", "count"):
        return spoken(answer) if all(filing.cell(key) is not None for key in answer.cells) else ""
    done = execute(program_of(answer, filing))
    if done is None:
        return ""
    from dataclasses import replace

    return spoken(replace(answer, values=done.values, scale=done.scale))


def _derived_again(answer: Answer, filing: Filing) -> str:
    done = execute(program_of(answer, filing))
    return done.derivation if done else ""


def program_of(answer: Answer, filing: Filing) -> Program:
    """The program of an answer, on cells read again from their print."""
    operation = next(each for each in OPERATIONS if each == answer.operation)
    return Program(
        operation=operation, cells=tuple(again(filing, key) for key in answer.cells), texts=answer.values,
        percent=answer.scale == "percent", note=answer.derivation,
    )  # fmt: skip


def _outlook(span: Interval) -> Claim:
    percent = partial(Fact, evidence="forecast", unit="%", digits=1)
    return Claim(
        template="For the next trading day after the last price the volatility is forecast at {middle} a year, between "
        "{low} and {high}.",
        facts={
            "middle": percent(value=span.value, measure=lambda: span.value),
            "low": percent(value=span.low, measure=lambda: span.low),
            "high": percent(value=span.high, measure=lambda: span.high),
        },
    )


def _evidence(
    filing: Filing, findings: Sequence[Finding], answers: Sequence[Answer], outlook: tuple[Interval, str] | None
) -> dict[str, Evidence]:
    """Every cell and paragraph that a sentence cites, cells pointing at the picture of their table."""
    keys = dict.fromkeys([key for each in findings for key in cited(each)])
    keys |= dict.fromkeys(key for answer in answers for key in answer.cells)
    keys |= dict.fromkeys(cell.key for _, cell, _ in contradictions(filing))
    evidence = {}
    for key in keys:
        cell = again(filing, key)
        grid = next(grid for grid in filing.tables if grid.number == cell.table)
        evidence[key] = Evidence(kind="row", shows=shown(cell, grid), figure=key_of(grid))
    orders = dict.fromkeys([order for answer in answers for order in answer.paragraphs])
    orders |= dict.fromkeys(paragraph.order for paragraph, _, _ in contradictions(filing))
    for order in orders:
        paragraph = filing.paragraph(order)
        assert paragraph is not None
        evidence[paragraph.key] = Evidence(
            kind="text", shows=f"{paragraph.key} of {filing.name}", detail=paragraph.text
        )
    if outlook is not None:
        evidence["forecast"] = Evidence(kind="model", shows=outlook[1])
    return evidence


def _amount_again(filing: Filing, key: str) -> str:
    """The amount of a cell, read again from the filing."""
    return amount_of(again(filing, key))
