"""The page in a real browser: what an analyst does with mouse and keys, and what is then on the screen."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")

from colonnade.core.pipeline import Pipeline
from colonnade.verticals.finance import tasks

TEXT = "document.getElementById('{}').textContent"
PAIRS = (
    ("ink", "panel"), ("soft", "panel"), ("soft", "raised"), ("soft", "back"), ("accent", "panel"),
    ("on-accent", "accent"), ("good", "good-back"), ("warn", "warn-back"), ("bad", "bad-back"), ("bad", "panel"),
    ("warn", "back"), ("mark-ink", "mark"), ("ink", "accent-back"),
)  # fmt: skip
OPEN = "!document.querySelector('#view-{0} .board').hidden && !document.querySelector('#view-{0} .veil')"


@pytest.fixture(scope="module")
def address(browser: Any, pipelines: list[Pipeline]) -> Iterator[str]:
    import uvicorn

    from colonnade.verticals.finance.desk.app import application

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(application(pipelines), port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}/"
    browser.open("about:blank")
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive(), "an open stream held the server up"


@pytest.fixture(scope="module")
def page(browser: Any, address: str) -> Any:
    browser.open(address)
    return browser


def open_sample(page: Any, view: str) -> None:
    """The view, with its sample open."""
    page.run(f"change('{view}')")
    if page.run(f"document.querySelector('#view-{view} .board').hidden"):
        page.run(f"document.querySelector('#view-{view} .sample').click()")
        page.wait(OPEN.format(view))


def boxes(page: Any, selector: str) -> list[list[float]]:
    return page.run(
        f"[...document.querySelectorAll('{selector}')].map(e => e.getBoundingClientRect())"
        ".map(b => [b.x, b.y, b.width, b.height])"
    )


def test_a_wrong_file_is_answered_with_its_sentence(page: Any, tmp_path: Path):
    wrong = tmp_path / "cards.csv"
    wrong.write_text("a,b\n1,2\n")
    page.run("change('stream')")
    page.choose_file("#view-stream [name=events]", wrong)
    page.run("document.querySelector('#view-stream .start button.main').click()")
    page.wait("document.querySelector('#view-stream .refused').textContent !== ''")
    assert page.run("document.querySelector('#view-stream .refused').textContent").startswith("cards.csv has no column")
    page.run("document.querySelector('#view-stream .start').reset()")


def test_the_stream_plays_by_the_space_bar_with_the_scores_of_predict(page: Any, pipelines: list[Pipeline]):
    open_sample(page, "stream")
    assert "made-up sample" in page.run(TEXT.format("source"))
    still = boxes(page, "#view-stream .panel, .tiles div")
    page.run("document.getElementById('rate').value = '500'")
    page.press(" ")
    page.wait("Number(document.getElementById('n-scored').textContent) > 300")
    page.wait("document.getElementById('play').textContent === 'Finished'")
    assert boxes(page, "#view-stream .panel, .tiles div") == still, "the layout moved while payments came"
    shown = page.run(
        "Object.fromEntries([...document.querySelectorAll('#payments tbody tr')]"
        ".map(r => [r.dataset.id, Number(r.dataset.score)]))"
    )
    answer = pipelines[0].predict(**tasks.fraud.sample()).answer
    said = dict(zip(answer.events.id.tolist(), answer.scores.tolist(), strict=True))
    assert len(shown) == 80
    assert {id: said[id] for id in shown} == shown
    assert page.run(TEXT.format("n-p50")).endswith(" ms")
    losses = page.run("state.queue.map(each => each.expected_loss)")
    assert losses == sorted(losses, reverse=True)
    assert page.run("document.querySelectorAll('#alerts-list li[data-id]').length") == len(losses) > 20


def test_a_page_that_paused_is_told_what_was_scored_meanwhile(page: Any):
    open_sample(page, "stream")
    ids = "[...document.querySelectorAll('#payments tbody tr')].map(row => row.dataset.id)"
    before = page.run(ids)
    page.run("[...document.querySelectorAll('#payments tbody tr')].slice(0, 5).forEach(row => row.remove())")
    page.run("cursor = state.position - 5; stood(state)")
    page.wait("cursor === state.position")
    assert page.run(ids) == before


def test_an_alert_is_dismissed_by_a_key_and_its_label_is_known(page: Any):
    open_sample(page, "stream")
    page.run("document.activeElement.blur()")
    page.press("j")
    first = page.run("chosenAlert")
    assert first == page.run("state.queue[0].id")
    page.wait("document.querySelectorAll('#timeline circle').length > 0")
    before = page.run("state.open")
    page.press("d")
    page.wait(f"state.open === {before - 1}")
    assert page.run("state.labels.by_hand") == 1
    page.wait(f"{TEXT.format('verdict')}.includes('Alert {first} dismissed')")
    assert page.run("chosenAlert") == page.run("state.queue[0].id")
    assert page.run("document.querySelector('#alerts-list li.chosen').dataset.id") == page.run("chosenAlert")


def test_a_click_on_a_payment_draws_the_scores_of_its_card(page: Any):
    open_sample(page, "stream")
    page.run("document.querySelector('#payments tbody tr').click()")
    card = page.run("document.querySelector('#payments tbody tr').dataset.card")
    page.wait(f"{TEXT.format('card-title')}.startsWith('Scores of card {card}')")
    count = page.run("document.querySelectorAll('#timeline .dot').length")
    assert count == int(page.run("document.querySelector('#card-title small').textContent").split()[0])
    field = "document.getElementById('card-name')"
    write = f"(each => {{{{ each.value = '{{}}'; each.dispatchEvent(new Event('change')) }}}})({field})"
    other = page.run(
        f"[...document.querySelectorAll('#payments tr')].map(r => r.dataset.card).find(c => c && c !== '{card}')"
    )
    page.run(write.format("nobody"))
    page.wait(f"{TEXT.format('verdict')}.includes('nobody')")
    assert page.run("chosenCard") == card
    page.run(write.format(other))
    page.wait(f"{TEXT.format('card-title')}.startsWith('Scores of card {other}')")


def test_a_budget_is_set_and_a_wrong_one_refused(page: Any):
    open_sample(page, "stream")
    choose = (
        "(each => {{ each.value = '{}'; each.dispatchEvent(new Event('change')) }})(document.getElementById('policy'))"
    )
    page.run(choose.format("alerts"))
    for alerts, says in (("5", "at most 5 reviews a day"), ("0", "at least 1")):
        page.run(f"document.getElementById('alerts').value = '{alerts}'; document.getElementById('apply').click()")
        page.wait(f"{TEXT.format('verdict')}.includes('{says}')")
    page.run(choose.format("costs"))


def test_the_stream_is_there_again_when_the_page_is_loaded_anew(page: Any, address: str):
    open_sample(page, "stream")
    scored, hand = page.run("state.position"), page.run("state.labels.by_hand")
    page.open(address)
    page.wait(OPEN.format("stream"))
    assert (page.run("state.position"), page.run("state.labels.by_hand")) == (scored, hand)
    assert page.run("document.querySelectorAll('#payments tbody tr').length") == 80


def test_the_fan_is_drawn_with_its_quantiles_and_read_by_keys(page: Any, short_prices: Path):
    page.run("change('market')")
    page.choose_file("#view-market [name=prices]", short_prices)
    page.run("document.querySelector('#view-market .start button.main').click()")
    page.wait(OPEN.format("market"))
    page.wait("document.querySelectorAll('#fan .quantiles').length === 2")
    held = page.run(
        "[...document.querySelectorAll('#fan .quantiles')]"
        ".map(g => [...g.querySelectorAll('.quantile')].map(r => Number(r.getAttribute('height'))))"
    )
    assert all(len(heights) == 3 and heights == sorted(heights, reverse=True) for heights in held)
    assert page.run("document.querySelectorAll('#fan circle.day').length") == 130
    assert page.run("document.querySelector('#fan .forecast').points.length") > 100
    assert "GARCH(1,1)" in page.run(TEXT.format("baselines"))
    page.run("document.getElementById('fan').focus()")
    page.press("ArrowLeft")
    assert page.run(TEXT.format("tip")).startswith(page.run("shown.market.past.at(-1).date"))
    page.press("ArrowLeft")
    assert page.run(TEXT.format("tip")).startswith(page.run("shown.market.past.at(-2).date"))
    page.press("Escape")
    assert page.run("document.getElementById('tip').hidden")


def test_the_graph_shows_the_alerts_evidence_and_a_claim_lights_its_edges(page: Any, pipelines: list[Pipeline]):
    open_sample(page, "compliance")
    page.wait("document.querySelectorAll('#graph .edge').length > 0")
    alerts = pipelines[3].predict(**tasks.compliance.sample()).answer.alerts
    number = next(each.number for each in alerts if each.rule == "MULE")
    page.run(f"openCase({number})")
    page.wait(
        f"alertShown.number === {number} && "
        f"document.getElementById('evidence').getAttribute('aria-label').includes('alert {number}:')"
    )
    cited = [line for lines in alerts[number - 1].evidence.values() for line in lines]
    assert page.run("[...document.querySelectorAll('#graph .edge')].map(e => e.dataset.key)") == sorted(
        cited, key=lambda line: line.split(" on ")[-1]
    )
    labels = page.run("[...document.querySelectorAll('#graph .edge text')].map(e => e.textContent)")
    assert all(label.replace(",", "").isdigit() for label in labels)
    word = "[...document.querySelectorAll('#case .cite')].find(e => /^\\d{4}-/.test(e.textContent))"
    lit = "[...document.querySelectorAll('#graph .edge.lit')].map(e => Number(e.dataset.n))"
    page.run(f"{word}.click()")
    assert page.run(lit) == [int(each) for each in page.run(f"{word}.dataset.edges").split()]
    assert 0 < len(page.run(lit)) < len(cited)
    page.press("Escape")
    assert page.run(lit) == []
    page.run("document.querySelector('#graph .edge').focus()")
    row = page.run(TEXT.format("row"))
    assert page.run("alertShown.edges[0].row.id") in row
    page.run("document.activeElement.blur()")


def test_a_click_on_a_citation_highlights_its_cell_and_words(page: Any):
    open_sample(page, "notes")
    lit = "[...document.querySelectorAll('#filing .lit')].map(e => e.textContent)"
    page.run("[...document.querySelectorAll('#claims .cite')].find(e => e.textContent.includes('36,900')).click()")
    assert page.run(lit) == ["€ 36,900"]
    (_, top, _, height), *_ = boxes(page, "#filing .lit")
    assert 0 < top < top + height < 800
    assert "(€ 41,250 − € 36,900) / € 36,900 = 11.79 %" in page.run(TEXT.format("claims"))
    page.run("[...document.querySelectorAll('.contradiction .cite.all')][0].click()")
    assert page.run("document.querySelector('#filing mark').textContent").startswith(
        "Service contracts were € 9.8 million"
    )
    assert "9,420" in page.run(lit)
    page.run("[...document.querySelectorAll('#claims .cite')].find(e => e.textContent === '8.2 %').focus()")
    page.press("Enter")
    assert page.run(lit) == ["69,400"]
    page.press("Escape")
    assert page.run(lit) == []
    page.run("document.querySelector('#filing td.cited').click()")
    assert page.run("document.querySelectorAll('#claims .claim.lit').length") > 1


def test_views_change_by_number_and_arrow(page: Any):
    page.press("3")
    assert page.run("[view, location.hash, document.activeElement.id]") == [
        "compliance",
        "#compliance",
        "tab-compliance",
    ]
    page.press("ArrowRight")
    assert page.run("view") == "notes"
    assert page.run("document.querySelectorAll('[role=tabpanel]:not([hidden])').length") == 1


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_nothing_is_wider_than_the_window(page: Any, width: int, height: int):
    try:
        page.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        for view in ("stream", "compliance", "notes"):
            open_sample(page, view)
            wide = f"[document.documentElement.scrollWidth, document.getElementById('view-{view}').scrollWidth]"
            assert max(page.run(wide)) <= width, view
            if width >= 1280:
                assert page.run(f"document.getElementById('view-{view}').scrollHeight <= innerHeight"), view
    finally:
        page.send("Emulation.setDeviceMetricsOverride", width=1280, height=800, deviceScaleFactor=1, mobile=False)


def luminance(page: Any, name: str) -> float:
    """The relative luminance of a colour of the page (WCAG 2.1)."""
    painted = (
        "(mark => { document.body.append(mark); mark.style.color = 'var(--%s)'; "
        "const found = getComputedStyle(mark).color; mark.remove(); return found })(document.createElement('i'))"
    )
    parts = [int(each) / 255 for each in re.findall(r"\d+", page.run(painted % name))[:3]]
    red, green, blue = (each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(page: Any, scheme: str):
    page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    assert page.run("matchMedia('(prefers-color-scheme: dark)').matches") is (scheme == "dark")
    for words, behind in PAIRS:
        bright, dim = sorted((luminance(page, words), luminance(page, behind)), reverse=True)
        assert (bright + 0.05) / (dim + 0.05) >= 4.5, (words, behind)
    page.send("Emulation.setEmulatedMedia", features=[])


def test_every_control_has_a_name(page: Any):
    nameless = (
        "[...document.querySelectorAll('button, input, textarea, select, a, [role=button]')].filter(each => !("
        "each.textContent.trim() || each.getAttribute('aria-label') || each.closest('label')))"
        ".map(each => each.outerHTML)"
    )
    assert page.run(nameless) == []


def test_the_page_made_no_error(page: Any):
    refused = [each for each in page.errors if "422" not in each]  # what the tests asked for in vain
    assert refused == []
