"""The page in a real browser: what a reader does with mouse and keys, and what is then on the screen."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")

from colonnade.core.types import Array, Volume

TEXT = "document.getElementById('{}').textContent"


@pytest.fixture(scope="module")
def address(browser: Any) -> Iterator[str]:
    import uvicorn

    from colonnade.verticals.medical.pipeline import NodulePipeline
    from colonnade.verticals.medical.viewer.app import application

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = application([NodulePipeline.from_pretrained()])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="module")
def reading(browser: Any, address: str, chest: tuple[Volume, Array, Array], tmp_path_factory: Any) -> Any:
    """The page with the ball's study open."""
    path: Path = tmp_path_factory.mktemp("nifti") / "ct.nii.gz"
    nibabel.save(nibabel.Nifti1Image(chest[0].voxels.astype(np.int16), chest[0].affine), path)
    browser.open(address)
    browser.choose_file("#ct", path)
    browser.run("document.querySelector('#open button.main').click()")
    browser.wait("!document.getElementById('reading').hidden")
    return browser


def select_ball(page: Any, centre: Array) -> int:
    place = ", ".join(str(float(each)) for each in centre)
    away = f"Math.hypot(...[{place}].map((each, n) => each - f.center_mm[n]))"
    page.run(f"choose([...study.findings].sort((f, g) => (f => {away})(f) - (f => {away})(g))[0].label)")
    page.wait("Number(document.getElementById('slice').dataset.shown) === slices.number")
    return int(page.run("chosen"))


def middle(label: int) -> str:
    """The voxel at the middle of a finding's box, in the page's words."""
    found = f"study.findings.find(f => f.label === {label}).outline"
    return f"{found}.low.map((low, n) => low + {found}.shape[n] / 2 - 0.5)"


def on_screen(page: Any, voxel: str) -> tuple[float, float]:
    """Where a voxel [i, j] is drawn, in pixels of the page."""
    script = (
        f"(() => {{ const [i, j] = {voxel}, box = slices.canvas.getBoundingClientRect(); "
        "const [x, y] = slices.toScreen(slices.nx - i - 0.5, slices.ny - j - 0.5); "
        "return [x + box.left, y + box.top] })()"
    )
    x, y = page.run(script)
    return x, y


def test_the_banner_is_in_sight_before_and_after_a_study_is_open(reading: Any):
    inside = (
        "(() => { const box = document.getElementById('banner').getBoundingClientRect(); "
        "return box.top >= 0 && box.height > 10 && box.bottom <= innerHeight })()"
    )
    assert reading.run(inside)
    assert "Research use only, not for diagnosis" in reading.run(TEXT.format("banner"))


def test_arrows_scroll_and_windows_and_zoom_have_keys(reading: Any):
    first = reading.run("slices.number")
    reading.press("ArrowUp")
    reading.press("ArrowUp")
    reading.press("ArrowDown")
    assert reading.run("slices.number") == first + 1
    reading.wait(f"document.getElementById('slice').dataset.shown === '{first + 1}'")
    assert f"slice {first + 1} /" in reading.run(TEXT.format("where"))
    reading.press("w")
    assert "soft tissue window" in reading.run(TEXT.format("seen"))
    reading.press("w")
    reading.press("w")
    reading.press("0")
    assert reading.run("slices.zoom") == 1


def test_the_pixel_that_is_clicked_is_the_voxel_that_is_meant(reading: Any, chest: tuple[Volume, Array, Array]):
    label = select_ball(reading, chest[2])
    reading.press("Escape")
    reading.run("pick(null)")
    x, y = on_screen(reading, middle(label))
    reading.click(x, y)
    assert reading.run("chosen") == label


def test_a_missed_nodule_is_added_and_taken_back_and_the_report_follows(
    reading: Any, chest: tuple[Volume, Array, Array]
):
    label = select_ball(reading, chest[2])
    x, y = on_screen(reading, middle(label))
    count = reading.run("study.findings.length")
    reading.press("Delete")
    reading.wait(f"study.findings.length === {count - 1}")
    assert f"Finding {label} deleted." in reading.run(TEXT.format("message"))
    reading.press("a")
    reading.click(x, y)
    reading.wait(f"study.findings.length === {count}")
    assert "added by hand" in reading.run(TEXT.format("findings"))
    assert "added at a point" in reading.run(TEXT.format("edits"))
    reading.run("document.getElementById('read').click()")
    reading.wait("document.getElementById('page').contentDocument?.body?.textContent.includes('added by hand')")
    reading.run("document.getElementById('done').click()")
    reading.press("u")
    reading.wait("study.edits.length === 1")
    reading.press("u")
    reading.wait("study.edits.length === 0")
    assert reading.run("study.findings.map(f => f.label)").count(label) == 1


def corner(label: int, side: int) -> str:
    """A corner of a finding's box in the plane, 4 mm outside it, in the page's words."""
    found = f"study.findings.find(f => f.label === {label}).outline"
    away = f"({side} > 0 ? {found}.shape[n] - 1 : 0) + {side} * 4 / study.spacing[n]"
    return f"{found}.low.map((low, n) => low + {away})"


def test_a_box_is_dragged_around_a_missed_nodule(reading: Any, chest: tuple[Volume, Array, Array]):
    label = select_ball(reading, chest[2])
    ends = on_screen(reading, corner(label, -1)), on_screen(reading, corner(label, 1))
    size = reading.run(f"study.findings.find(f => f.label === {label}).diameter_mm")
    reading.press("Delete")
    reading.wait("study.edits.length === 1")
    reading.press("x")
    reading.drag(*ends)
    reading.wait("study.edits.length === 2")
    assert "Drawn in the box." in reading.run(TEXT.format("message"))
    drawn = reading.run("study.findings.find(f => f.label === study.edits[1].finding).diameter_mm")
    assert drawn == pytest.approx(size, rel=0.25)
    assert reading.run("slices.box") is None
    reading.click(*ends[0])
    assert "at least 2 mm" in reading.run(TEXT.format("message"))
    for left in (1, 0):
        reading.press("u")
        reading.wait(f"study.edits.length === {left}")


def test_a_box_is_drawn_by_the_keyboard_from_corner_to_corner(reading: Any, chest: tuple[Volume, Array, Array]):
    label = select_ball(reading, chest[2])
    reading.run("document.getElementById('slice').focus()")
    reading.press("x")
    wide = round(reading.run(f"study.findings.find(f => f.label === {label}).outline.shape[0]")) + 2
    for key in ("ArrowLeft", "ArrowUp"):
        for _ in range(wide // 2):
            reading.press(key, shift=True)
    reading.press("Enter")
    for key in ("ArrowRight", "ArrowDown"):
        for _ in range(wide):
            reading.press(key, shift=True)
    reading.press("Enter")
    reading.wait("study.edits.length === 1 || document.getElementById('message').className === 'bad'")
    assert reading.run("study.edits.map(each => [each.kind, each.finding])") == [["box", label]]
    reading.press("u")
    reading.wait("study.edits.length === 0")
    reading.press("Escape")


def test_a_click_on_nothing_is_answered_on_the_page(reading: Any):
    reading.press("0")
    reading.press("a")
    x, y = on_screen(reading, "[2, 2]")
    reading.click(x, y)
    reading.wait("document.getElementById('message').className === 'bad'")
    assert "outside the lungs" in reading.run(TEXT.format("message"))
    reading.press("Escape")


def test_the_crosshair_is_moved_and_clicked_without_a_mouse(reading: Any, chest: tuple[Volume, Array, Array]):
    label = select_ball(reading, chest[2])
    reading.run("document.getElementById('slice').focus()")
    reading.press("m")
    for _ in range(2):
        reading.press("ArrowLeft", shift=True)
    reading.press("Enter")
    reading.wait("!working")
    reading.wait("study.edits.length === 1 || document.getElementById('message').className === 'bad'")
    assert reading.run("study.edits.length") == 1
    assert reading.run("study.edits[0].finding") == label
    reading.press("u")
    reading.wait("study.edits.length === 0")


def test_an_earlier_ct_shows_growth_and_doubling_time_beside_the_finding(
    browser: Any, address: str, chest: tuple[Volume, Array, Array], before: Volume, tmp_path: Path
):
    for name, volume in (("ct", chest[0]), ("before", before)):
        nibabel.save(nibabel.Nifti1Image(volume.voxels.astype(np.int16), volume.affine), tmp_path / f"{name}.nii.gz")
    (tmp_path / "patient.csv").write_text("age,sex\n64,female\n")
    browser.open(address)
    assert browser.run("document.getElementById('apart').hidden")
    browser.choose_file("#ct", tmp_path / "ct.nii.gz")
    browser.choose_file("#earlier", tmp_path / "before.nii.gz")
    browser.choose_file("[name=patient]", tmp_path / "patient.csv")
    browser.wait("!document.getElementById('apart').hidden")
    browser.run("document.getElementById('days').value = '200'")
    browser.run("document.querySelector('#open button.main').click()")
    browser.wait("!document.getElementById('reading').hidden")
    select_ball(browser, chest[2])
    shown = browser.run("document.querySelector('#findings .chosen .change').textContent")
    assert shown.startswith("grown in 200 days: volume × ")
    assert ", doubling in " in shown
    assert "CT of 200 days before (the patient table)" in browser.run(TEXT.format("comparison"))


def test_every_control_has_a_name(reading: Any):
    nameless = (
        "[...document.querySelectorAll('button, input, textarea, canvas')].filter(each => !(each.textContent.trim() || "
        "each.getAttribute('aria-label') || each.closest('label'))).map(each => each.outerHTML)"
    )
    assert reading.run(nameless) == []


def test_the_page_made_no_error(reading: Any):
    refused = [each for each in reading.errors if "422" not in each]  # what the tests asked for in vain
    assert refused == []
