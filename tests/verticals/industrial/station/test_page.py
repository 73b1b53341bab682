"""The page in a real browser: what an inspector does with mouse and keys, and what is then on the screen."""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")

from colonnade.verticals.industrial.inspection.pipeline import InspectionPipeline
from colonnade.verticals.industrial.station.pictures import HIGHEST, LOWEST

TEXT = "document.getElementById('{}').textContent"
SHOWN = "document.getElementById('solid').toDataURL()"
QUIET = "!document.querySelector('.veil') && !(solid && solid.going)"
NO_WEBGL = (
    "HTMLCanvasElement.prototype.getContext = (real => function (kind, ...rest) "
    "{ return kind.startsWith('webgl') ? null : real.call(this, kind, ...rest); })"
    "(HTMLCanvasElement.prototype.getContext)"
)


@pytest.fixture(scope="module")
def address(browser: Any, shipped: InspectionPipeline) -> Iterator[str]:
    import uvicorn

    from colonnade.verticals.industrial.station.app import application

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(application([shipped]), port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}/"
    browser.open("about:blank")
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def page(browser: Any, address: str) -> Any:
    browser.open(address)
    return browser


def open_sample(page: Any) -> None:
    """The unit view, with the sample inspected."""
    page.run("change('unit')")
    if page.run("document.querySelector('#view-unit .board').hidden"):
        page.run("document.querySelector('#view-unit .sample').click()")
        page.wait(f"{QUIET} && !document.querySelector('#view-unit .board').hidden")
    page.run("document.activeElement.blur()")


def middle(page: Any, selector: str) -> tuple[float, float]:
    x, y, width, height = page.run(
        f"(b => [b.x, b.y, b.width, b.height])(document.querySelector('{selector}').getBoundingClientRect())"
    )
    return x + width / 2, y + height / 2


def test_a_bad_file_is_answered_with_its_sentence(page: Any, tmp_path: Path):
    wrong = tmp_path / "run.wav"
    wrong.write_bytes(b"RIFF0000WAVE")
    page.choose_file("#view-unit [name=sound]", wrong)
    page.run("document.querySelector('#view-unit .start button.main').click()")
    page.wait("document.querySelector('#view-unit .refused').textContent !== ''")
    assert "run.wav is truncated" in page.run("document.querySelector('#view-unit .refused').textContent")
    page.run("document.querySelector('#view-unit .start').reset()")


def test_the_sample_is_inspected_with_its_verdict_senses_and_regions(page: Any):
    open_sample(page)
    assert "simulated sample" in page.run(TEXT.format("source"))
    assert page.run("document.querySelector('#judged .call .chip').className") == f"chip {page.run('unit.verdict')}"
    said = page.run(TEXT.format("judged"))
    count = page.run("unit.good.count")
    assert f"{page.run('unit.good.beyond')} of {count}" in said
    assert "promised by the threshold" in said
    assert page.run("document.querySelectorAll('#judged .gate').length") == 3
    assert page.run("document.querySelectorAll('#judged .beside .one').length") == len(page.run("unit.good.scores"))
    assert page.run("document.querySelectorAll('#regions li').length") == len(page.run("unit.regions")) > 0


def test_the_part_is_drawn_by_webgl_and_turns_with_the_mouse_and_the_keys(page: Any):
    open_sample(page)
    assert page.run("solid.kind") == "webgl"
    coloured = (
        "(canvas => { const copy = document.createElement('canvas'); [copy.width, copy.height] = [canvas.width, "
        "canvas.height]; const pen = copy.getContext('2d'); pen.drawImage(canvas, 0, 0); let count = 0; const data = "
        "pen.getImageData(0, 0, copy.width, copy.height).data; for (let n = 3; n < data.length; n += 4) "
        "count += data[n] > 0; return count / (data.length / 4); })(document.getElementById('solid'))"
    )
    assert page.run(coloured) > 0.1
    pictures = [page.run(SHOWN)]
    x, y = middle(page, "#solid")
    page.drag((x, y), (x + 90, y + 30))
    pictures.append(page.run(SHOWN))
    page.send("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=-240)
    page.wait("solid.camera.scale > solid.camera.whole * 1.2")
    pictures.append(page.run(SHOWN))
    page.press("ArrowLeft")
    pictures.append(page.run(SHOWN))
    assert len(set(pictures)) == 4
    page.press("0")
    assert page.run("solid.camera.scale === solid.camera.whole")


def test_a_click_on_a_region_turns_the_part_towards_us(page: Any):
    open_sample(page)
    number = page.run("unit.regions.find(each => each.facing).number")
    page.run("solid.moved(camera => camera.rotate(400, 10))")
    before = page.run(SHOWN)
    page.run(f"document.querySelector('#regions li[data-number=\"{number}\"] button').click()")
    page.wait(QUIET)
    assert page.run(SHOWN) != before
    x, y, _ = page.run(f"solid.camera.project(unit.regions.find(each => each.number === {number}).centre_mm)")
    assert abs(x - page.run("solid.camera.width / 2")) < 1
    assert abs(y - page.run("solid.camera.height / 2")) < 1
    assert page.run(f"dot3(rowsOf(solid.camera.turn)[2], unit.regions.find(e => e.number === {number}).facing)") > 0.99
    assert page.run("document.querySelector('#marks .mark.chosen').dataset.number") == str(number)


def test_the_deviation_under_the_pointer_is_said_in_mm(page: Any):
    open_sample(page)
    page.run("solid.whole()")
    place = page.run("solid.camera.project([...solid.data.points.slice(0, 3)])")
    found = page.run(
        "(() => { const p = solid.camera; for (let n = 0; n < solid.data.values.length; n += 50) { const at = "
        "p.project([...solid.data.points.slice(3 * n, 3 * n + 3)]); if (solid.under(at[0], at[1])) return at; } })()"
    )
    assert len(place) == 3
    left, top = page.run("(b => [b.x, b.y])(document.getElementById('solid').getBoundingClientRect())")
    page.send("Input.dispatchMouseEvent", type="mouseMoved", x=left + found[0], y=top + found[1])
    page.wait(f"{TEXT.format('under')}.includes(' mm')")


def test_the_range_of_the_colours_is_chosen(page: Any):
    open_sample(page)
    before, said = page.run(SHOWN), page.run(TEXT.format("scale"))
    page.run("(e => { e.selectedIndex = e.options.length - 1; e.dispatchEvent(new Event('change')) })"
             "(document.getElementById('range'))")  # fmt: skip
    assert page.run(SHOWN) != before
    assert page.run(TEXT.format("scale")) != said
    page.run("(e => { e.selectedIndex = 0; e.dispatchEvent(new Event('change')) })(document.getElementById('range'))")


def test_the_map_fades_with_its_slider(page: Any):
    open_sample(page)
    page.wait("document.getElementById('map').complete && document.getElementById('map').naturalWidth > 0")
    assert page.run("document.getElementById('photo').naturalWidth") == page.run("unit.picture.width")
    page.run("(e => { e.value = 20; e.dispatchEvent(new Event('input')) })(document.getElementById('opacity'))")
    assert page.run("getComputedStyle(document.getElementById('map')).opacity") == "0.2"
    page.press("m")
    assert page.run("getComputedStyle(document.getElementById('map')).opacity") == "0"


def test_the_machines_frequencies_are_marked_at_their_places(page: Any):
    open_sample(page)
    told = page.run("unit.sound.marks")
    assert {"1x", "FTF", "BPFO", "2xBSF", "BPFI", "mesh 1x"} == {each["name"] for each in told}
    top, height = page.run("(e => [e.y.baseVal.value, e.height.baseVal.value])"
                           "(document.querySelector('#spectrogram image'))")  # fmt: skip
    for each in told:
        line = f"document.querySelector('#spectrogram [data-name=\"{each['name']}\"] line')"
        share = math.log(HIGHEST / each["hertz"]) / math.log(HIGHEST / LOWEST)
        assert page.run(f"{line}.y1.baseVal.value") == pytest.approx(top + share * height, abs=0.5)
    assert page.run("document.querySelectorAll('#envelope .line-mark').length") >= 5
    assert page.run("document.querySelector('#envelope .trace').points.length") > 100


def test_the_certificate_is_fetched_as_page_and_as_pdf(page: Any):
    open_sample(page)
    fetched = "fetch(document.getElementById('{}').href).then(a => a.text()).then(t => t.slice(0, 15))"
    assert page.run(fetched.format("certificate")).lower() == "<!doctype html>"
    pytest.importorskip("fpdf", reason="the extra 'pdf' is not installed")
    assert page.run(fetched.format("pdf")).startswith("%PDF-")


def test_the_session_is_charted_and_a_broken_rule_of_a_file_is_red(page: Any, line_folder: Path):
    open_sample(page)
    page.press("2")
    page.wait("charts && charts.source === 'session' && document.querySelectorAll('#individuals circle').length === 1")
    assert page.run("document.querySelectorAll('#individuals .rail.limit').length") == 2
    page.choose_file("#results", line_folder / "results.jsonl")
    page.wait("charts.source === 'results.jsonl'")
    page.run("(e => { e.value = 'scan'; e.dispatchEvent(new Event('change')) })(document.getElementById('chart-name'))")
    for place, kind in (("individuals", "individuals"), ("averaged", "ewma")):
        chart = page.run(f"charts.charts.find(each => each.name === 'scan' && each.kind === '{kind}')")
        broken = [each["label"] for each in chart["points"] if each["broken"]]
        assert page.run(f"document.querySelectorAll('#{place} circle.broken').length") == len(broken) > 0
    assert "mean drifted up (ewma)" in page.run(TEXT.format("signals"))
    assert page.run("document.querySelector('#signals tbody tr td').textContent") == "nut-090"


def test_another_file_than_results_is_refused_on_the_page(page: Any, tmp_path: Path):
    page.run("change('charts')")
    (tmp_path / "other.jsonl").write_text("{}\n")
    page.choose_file("#results", tmp_path / "other.jsonl")
    page.wait("document.querySelector('#view-charts .warnings').textContent.startsWith('other.jsonl: line 1 has no')")


def test_a_line_is_followed_and_its_alarm_acknowledged(page: Any, line_folder: Path, rewrite: Callable[..., Any]):
    page.run("change('line')")
    path = json.dumps(str(line_folder))
    page.run(f"document.querySelector('#view-line [name=path]').value = {path}")
    page.run("document.querySelector('#view-line .start button.main').click()")
    page.wait("!document.querySelector('#view-line .board').hidden")
    assert page.run("document.querySelectorAll('#line-units tbody tr').length") == 80
    assert page.run("document.querySelector('#line-units tbody tr').dataset.number") == "90"
    assert "sound" in page.run("document.querySelector('#senses .lost').textContent")
    assert page.run("document.querySelectorAll('#causes .cause').length") > 0
    assert "check:" in page.run(TEXT.format("causes"))
    button = "document.querySelector('#alarms [data-alarm=rejects] button')"
    page.run(f"{button}.click()")
    page.wait(f"{TEXT.format('line-said')}.includes('write a name')")
    page.run(f"document.getElementById('by').value = 'A. Smith'; {button}.click()")
    page.wait(f"{TEXT.format('line-said')}.includes('is told')")
    (word,) = (line_folder / "acknowledge").glob("*.json")
    assert json.loads(word.read_text()) == {"by": "A. Smith", "alarm": "rejects"}
    watching = rewrite(line_folder)  # as the line does when it takes the word up
    watching.acknowledge("A. Smith", "rejects")
    (line_folder / "monitoring.json").write_text(json.dumps(watching.to_dict()))
    page.wait(f"!{button}")
    assert "seen by A. Smith" in page.run("document.querySelector('#alarms [data-alarm=rejects]').textContent")
    page.run("document.querySelector('#view-line .another').click()")


def test_a_folder_without_results_is_refused_on_the_page(page: Any, tmp_path: Path):
    page.run("change('line')")
    page.run(f"document.querySelector('#view-line [name=path]').value = {json.dumps(str(tmp_path))}")
    page.run("document.querySelector('#view-line .start button.main').click()")
    page.wait("document.querySelector('#view-line .refused').textContent.startsWith('there is no results file')")


def test_the_unit_is_there_again_when_the_page_is_loaded_anew(page: Any, address: str):
    open_sample(page)
    score = page.run("unit.score")
    page.open(address)
    page.wait("document.body.dataset.ready === 'true' && unit !== null")
    assert page.run("unit.score") == score


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_nothing_is_wider_than_the_window(page: Any, width: int, height: int):
    open_sample(page)
    try:
        page.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        for view in ("unit", "charts", "line"):
            page.run(f"change('{view}')")
            wide = f"[document.documentElement.scrollWidth, document.getElementById('view-{view}').scrollWidth]"
            assert max(page.run(wide)) <= width, view
            if width >= 1280 and view != "line":
                assert page.run(f"document.getElementById('view-{view}').scrollHeight <= innerHeight"), view
    finally:
        page.send("Emulation.setDeviceMetricsOverride", width=1280, height=800, deviceScaleFactor=1, mobile=False)


def test_every_control_has_a_name(page: Any):
    nameless = (
        "[...document.querySelectorAll('button, input, textarea, select, a, [role=button]')].filter(each => !("
        "each.textContent.trim() || each.getAttribute('aria-label') || each.closest('label')))"
        ".map(each => each.outerHTML)"
    )
    assert page.run(nameless) == []


def test_without_webgl_the_part_is_drawn_on_a_plain_canvas(page: Any, address: str):
    script = page.send("Page.addScriptToEvaluateOnNewDocument", source=NO_WEBGL)["identifier"]
    try:
        page.open(address)
        page.wait("document.body.dataset.ready === 'true' && solid !== null")
        assert page.run("solid.kind") == "canvas"
        before = page.run(SHOWN)
        x, y = middle(page, "#solid")
        page.drag((x, y), (x + 90, y + 30))
        assert page.run(SHOWN) != before
        assert page.run("document.querySelectorAll('#marks .mark').length") > 0
    finally:
        page.send("Page.removeScriptToEvaluateOnNewDocument", identifier=script)


def test_the_page_asked_no_other_host_and_made_no_error(page: Any, address: str):
    asked = page.run("performance.getEntriesByType('resource').map(each => each.name)")
    assert asked
    assert [each for each in asked if not each.startswith((address, "data:"))] == []
    assert [each for each in page.errors if "422" not in each] == []  # what the tests asked for in vain
