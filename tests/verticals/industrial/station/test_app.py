"""The station over HTTP, without a browser."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette names the next version of its client
    from fastapi.testclient import TestClient

from colonnade.core.serving.page import SHARED
from colonnade.verticals.industrial import tasks
from colonnade.verticals.industrial.inspection.pipeline import InspectionPipeline
from colonnade.verticals.industrial.station.app import FILES, LINE, application
from colonnade.verticals.industrial.station.sessions import WHOLE, Stations

SAMPLE = tasks.inspection.sample()
HERE = ("127.0.0.1", 50_000)


@pytest.fixture(scope="module")
def client(shipped: InspectionPipeline) -> Iterator[TestClient]:
    with TestClient(application([shipped], stations=Stations(most=40)), client=HERE) as opened:
        yield opened


@pytest.fixture
def station(client: TestClient) -> str:
    return f"/stations/{client.post('/stations').json()['id']}"


@pytest.fixture(scope="module")
def inspected(client: TestClient) -> tuple[str, dict[str, Any]]:
    """A session in which the sample was inspected, and what was told of it."""
    station = f"/stations/{client.post('/stations').json()['id']}"
    answer = client.post(f"{station}/units/sample")
    assert answer.status_code == 201, answer.text
    return station, answer.json()


def sent(*senses: str) -> dict[str, Any]:
    return {sense: (Path(SAMPLE[sense]).name, Path(SAMPLE[sense]).read_bytes()) for sense in senses}


def test_the_page_brings_all_it_needs(client: TestClient):
    page = client.get("/")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "://" not in page.text
    for name in (*FILES, *SHARED):
        assert f"/page/{name}" in page.text
        part = client.get(f"/page/{name}")
        assert part.status_code == 200
        assert "://" not in part.text.replace("http://www.w3.org/2000/svg", "")
    assert client.get("/page/app.py").status_code == 422


def test_the_sample_is_told_as_predict_says(inspected: tuple[str, dict[str, Any]], shipped: InspectionPipeline):
    _, told = inspected
    answer = shipped.predict(**SAMPLE).answer
    assert (told["verdict"], told["name"], told["number"]) == (answer.verdict, "sample", 1)
    assert told["score"] == pytest.approx(answer.score)
    assert told["p_value"] == pytest.approx((1 + told["good"]["beyond"]) / (told["good"]["count"] + 1))
    assert told["good"]["low"] <= told["good"]["beyond"] / told["good"]["count"] <= told["good"]["high"]
    assert [each["sense"] for each in told["senses"]] == ["scan", "image", "sound"]
    assert sum(each["gate"] for each in told["senses"]) == pytest.approx(1, abs=0.02)
    assert [each["number"] for each in told["regions"]] == list(range(1, len(answer.defects) + 1))
    assert all(np.isclose(np.linalg.norm(each["facing"]), 1) for each in told["regions"] if each["sense"] == "scan")
    assert {each["modality"]: each["path"] for each in told["files"]}["scan"] == "scan.ply"


def test_every_drawing_of_a_unit_is_served(client: TestClient, inspected: tuple[str, dict[str, Any]]):
    station, told = inspected
    surface = client.get(f"{station}/units/1/surface.bin")
    count = told["surface"]["points"]
    assert len(surface.content) == (
        19 * count + -3 * count % 4 + 12 * told["surface"]["missed"] + 36 * told["surface"]["triangles"]
    )
    for name in ("photo.png", "map.png", "spectrogram.png"):
        assert client.get(f"{station}/units/1/{name}").content.startswith(b"\x89PNG")
    assert client.get(f"{station}/units/1").json()["score"] == told["score"]
    assert client.get(f"{station}/units/1/other.png").status_code == 422


def test_the_certificate_names_the_unit_its_files_and_where_each_number_is_from(
    client: TestClient, inspected: tuple[str, dict[str, Any]]
):
    station, told = inspected
    shown = client.get(f"{station}/units/1/certificate").text
    saved = client.get(f"{station}/units/1/certificate.html")
    assert saved.headers["content-disposition"] == 'attachment; filename="certificate.html"'
    for page in (shown, saved.text):
        assert "Inspection certificate" in page
        assert "Where each number comes from" in page
        assert f"inspected {told['at']}" in page
        assert all(each["sha256"] in page for each in told["files"])
        assert f"{told['good']['count']} good units of the calibration" in page
        assert "<script" not in page


def test_the_certificate_is_also_a_pdf_with_the_same_words(
    client: TestClient, inspected: tuple[str, dict[str, Any]]
):  # fmt: skip
    pytest.importorskip("fpdf", reason="the extra 'pdf' is not installed")
    pdfium = pytest.importorskip("pypdfium2")
    station, told = inspected
    saved = client.get(f"{station}/units/1/certificate.pdf")
    assert saved.headers["content-type"] == "application/pdf"
    with pdfium.PdfDocument(saved.content) as document:
        text = "".join(page.get_textpage().get_text_range() for page in document)
    assert "Inspection certificate" in text
    assert "Where each number comes from" in text
    assert told["files"][0]["sha256"][:12] in text


def test_the_answer_and_the_coloured_points_are_downloads(
    client: TestClient, inspected: tuple[str, dict[str, Any]]
):  # fmt: skip
    station, told = inspected
    answer = client.get(f"{station}/units/1/result.json").json()
    assert answer["verdict"] == told["verdict"]
    assert next(each["path"] for each in answer["inputs"]) == "scan.ply"
    assert client.get(f"{station}/units/1/deviation.ply").content.startswith(b"ply\n")


def test_a_photograph_alone_is_inspected_under_its_name(client: TestClient, station: str):
    told = client.post(f"{station}/units?unit=SN%2042", files=sent("image")).json()
    assert (told["name"], told["judged"], told["sample"]) == ("SN 42", ["image"], False)
    assert (told["surface"], told["sound"]) == (None, None)
    assert told["picture"]["width"] > 10
    refused = client.get(f"{station}/units/1/surface.bin")
    assert refused.status_code == 422
    assert "has no surface.bin" in refused.json()["error"]
    assert "without a scan" in client.get(f"{station}/units/1/deviation.ply").json()["error"]
    assert client.get(station).json()["units"][0]["name"] == "SN 42"


def test_a_sound_alone_is_inspected_with_the_machines_frequencies(client: TestClient, station: str):
    told = client.post(f"{station}/units", files=sent("sound")).json()
    assert told["name"] == "sound"
    assert {"FTF", "BPFO", "BPFI"} <= {each["name"] for each in told["sound"]["marks"]}
    charts = client.get(f"{station}/charts").json()
    assert "sound" in charts["names"]
    assert charts["units"] == 1


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"image": ("photo.png", b"no picture")}, "photo.png"),
        ({"sound": ("run.wav", b"RIFF0000WAVE")}, "run.wav is truncated"),
        ({"nominal": ("part.stl", b"solid a\nendsolid a\n")}, "needs at least"),
        ({"prices": ("a.csv", b"a")}, "there is no modality"),
    ],
)
def test_a_bad_file_is_refused_without_its_place(client: TestClient, station: str, files: Any, says: str):
    answer = client.post(f"{station}/units", files=files)
    assert answer.status_code == 422, answer.text
    assert says in answer.json()["error"]
    assert "/tmp" not in answer.json()["error"]
    assert "colonnade-station" not in answer.json()["error"]
    assert client.get(station).json()["units"] == []


def test_drawings_of_old_units_are_let_go_and_their_place_in_the_list_stays(
    client: TestClient, station: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("colonnade.verticals.industrial.station.sessions.WHOLE", 1)
    for _ in range(2):
        told = client.post(f"{station}/units", files=sent("sound")).json()
    assert [each["number"] for each in told["units"]] == [1, 2]
    assert client.get(f"{station}/units/2").status_code == 200
    assert client.get(f"{station}/units/1").status_code == 410
    assert WHOLE > 1


def test_a_results_file_is_charted(client: TestClient, station: str, line_folder: Path):
    raw = (line_folder / "results.jsonl").read_bytes()
    told = client.post(f"{station}/charts", files={"results": ("results.jsonl", raw)}).json()
    assert told["units"] == 90
    assert client.get(f"{station}/charts?of=file").json() == told
    assert client.get(station).json()["file"] == "results.jsonl"
    wrong = client.post(f"{station}/charts", files={"results": ("a.jsonl", b"{}\n")})
    assert wrong.status_code == 422
    assert wrong.json()["error"].startswith("a.jsonl: line 1 has no unit")
    assert client.get(f"{station}/charts?of=other").status_code == 422


def test_a_line_is_opened_by_its_folder_and_acknowledged(client: TestClient, station: str, line_folder: Path):
    told = client.post(f"{station}/line", json={"path": str(line_folder)}).json()
    assert (told["number"], told["running"], told["name"]) == (90, True, "line")
    assert client.get(f"{station}/line?after=88").json()["units"][0]["number"] == 89
    assert client.get(f"{station}/charts?of=line").json()["units"] == 90
    nobody = client.post(f"{station}/line/acknowledge", json={"by": "", "alarm": "rejects"})
    assert "write a name" in nobody.json()["error"]
    assert client.post(f"{station}/line/acknowledge", json={"by": "A", "alarm": "rejects"}).status_code == 204
    (word,) = (line_folder / "acknowledge").glob("*.json")
    assert json.loads(word.read_text())["alarm"] == "rejects"


def test_a_folder_is_named_on_the_serving_machine_only(shipped: InspectionPipeline, line_folder: Path):
    with TestClient(application([shipped]), client=("192.0.2.7", 50_000)) as far:
        station = f"/stations/{far.post('/stations').json()['id']}"
        answer = far.post(f"{station}/line", json={"path": str(line_folder)})
        assert answer.status_code == 422
        assert LINE in answer.json()["error"]
        assert far.get(f"{station}/line").status_code == 410


def test_the_environment_names_the_line(
    client: TestClient, station: str, line_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    assert client.get(f"{station}/line").status_code == 410
    monkeypatch.setenv(LINE, str(line_folder))
    assert client.get(station).json()["line"] is True
    assert client.get(f"{station}/line").json()["number"] == 90


@pytest.mark.parametrize("asked", [{"path": 3}, {"path": " "}, {"folder": "a"}, [1]])
def test_a_wrong_wish_is_refused(client: TestClient, station: str, asked: Any):
    assert client.post(f"{station}/line", json=asked).status_code == 422


def test_a_closed_session_is_gone(client: TestClient, station: str):
    assert client.delete(station).status_code == 204
    assert client.get(station).status_code == 410
