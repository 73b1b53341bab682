from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette names the next version of its client
    from fastapi.testclient import TestClient

from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.pipeline import NodulePipeline
from colonnade.verticals.medical.viewer.app import application
from colonnade.verticals.medical.viewer.viewing import Studies


@pytest.fixture(scope="module")
def pipeline() -> NodulePipeline:
    return NodulePipeline.from_pretrained()


@pytest.fixture(scope="module")
def nifti(chest: tuple[Volume, Array, Array], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("nifti") / "ct.nii.gz"
    nibabel.save(nibabel.Nifti1Image(chest[0].voxels.astype(np.int16), chest[0].affine), path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def client(pipeline: NodulePipeline) -> Iterator[TestClient]:
    with TestClient(application([pipeline])) as opened:
        yield opened


@pytest.fixture(scope="module")
def opened(client: TestClient, nifti: bytes) -> dict:
    answer = client.post("/studies", files={"ct": ("scan.nii.gz", nifti), "indication": (None, "cough")})
    assert answer.status_code == 201, answer.text
    return answer.json()


def nearest(told: dict, centre: Array) -> dict:
    return min(told["findings"], key=lambda each: float(np.linalg.norm(np.array(each["center_mm"]) - centre)))


def unpacked(outline: dict) -> Array:
    import base64

    bits = np.unpackbits(np.frombuffer(base64.b64decode(outline["bits"]), np.uint8))
    return bits[: int(np.prod(outline["shape"]))].reshape(outline["shape"]).astype(bool)


def test_the_page_brings_all_it_needs_and_always_the_banner(client: TestClient):
    page = client.get("/")
    assert "Research use only, not for diagnosis" in page.text
    assert "http://" not in page.text.replace("http://www.w3.org", "")
    assert "https://" not in page.text
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for name in ("viewer.css", "viewer.js", "slices.js"):
        assert f"/page/{name}" in page.text
        part = client.get(f"/page/{name}")
        assert part.status_code == 200
        assert "://" not in part.text
    assert client.get("/page/index.py").status_code == 422
    assert client.get("/page/..%2Fapp.py").status_code in (404, 422)


def test_a_study_tells_findings_with_intervals_and_outlines(opened: dict, chest: tuple[Volume, Array, Array]):
    assert opened["name"] == "scan.nii.gz"
    assert opened["shape"] == list(chest[0].voxels.shape)
    ball = nearest(opened, chest[2])
    assert ball["diameter_interval"]["low"] < ball["diameter_mm"] < ball["diameter_interval"]["high"]
    mask = unpacked(ball["outline"])
    assert mask.sum() * 8.0 == pytest.approx(ball["volume_mm3"])
    low = np.array(ball["outline"]["low"])
    world = (np.argwhere(mask) + low).mean(axis=0) @ np.array(opened["affine"])[:3, :3].T
    np.testing.assert_allclose(world + np.array(opened["affine"])[:3, 3], ball["center_mm"], atol=0.01)


def test_a_slice_is_the_scan_s_with_the_front_at_the_top_and_the_right_on_the_left(
    client: TestClient, opened: dict, chest: tuple[Volume, Array, Array]
):
    nx, ny, _ = opened["shape"]
    data = client.get(f"/studies/{opened['id']}/slices/30").content
    shown = np.frombuffer(data, "<i2").reshape(ny, nx)
    for i, j in ((0, 0), (10, 40), (nx - 1, ny - 1)):
        assert shown[ny - 1 - j, nx - 1 - i] == pytest.approx(np.clip(chest[0].voxels[i, j, 30], -1024, 3071), abs=1)


def test_corrections_change_the_study_the_report_and_the_downloads(
    client: TestClient, opened: dict, chest: tuple[Volume, Array, Array]
):
    url = f"/studies/{opened['id']}"
    label = nearest(opened, chest[2])["label"]
    told = client.request("DELETE", f"{url}/findings/{label}").json()
    assert label not in [each["label"] for each in told["findings"]]
    assert told["deleted"] == {str(label): "deleted by hand"}
    told = client.post(f"{url}/clicks", json={"at_mm": list(chest[2]), "positive": True, "finding": None}).json()
    added = nearest(told, chest[2])
    assert added["changed"] == "added by hand"
    assert "a person corrected this answer" in client.get(f"{url}/report").text
    answer = client.get(f"{url}/result.json")
    assert answer.headers["content-disposition"] == 'attachment; filename="result.json"'
    assert answer.json()["corrections"]["findings"][str(added["label"])] == "added by hand"
    assert answer.json()["inputs"][0]["path"] == "scan.nii.gz"
    masks = nibabel.Nifti1Image.from_bytes(__import__("gzip").decompress(client.get(f"{url}/masks.nii.gz").content))
    assert (np.asarray(masks.dataobj) == added["label"]).sum() == unpacked(added["outline"]).sum()
    events = [json.loads(line)["event"] for line in client.get(f"{url}/audit.jsonl").text.splitlines()]
    assert events == ["opened", "edited", "edited"]
    told = client.post(f"{url}/undo").json()
    told = client.post(f"{url}/undo").json()
    assert [each["label"] for each in told["findings"]] == [each["label"] for each in opened["findings"]]


def test_growth_since_an_earlier_ct_is_told_beside_the_finding_and_follows_a_deletion(
    client: TestClient, nifti: bytes, before: Volume, chest: tuple[Volume, Array, Array], tmp_path: Path
):
    nibabel.save(nibabel.Nifti1Image(before.voxels.astype(np.int16), before.affine), tmp_path / "before.nii.gz")
    files = {
        "ct": ("scan.nii.gz", nifti),
        "earlier": ("before.nii.gz", (tmp_path / "before.nii.gz").read_bytes()),
        "patient": ("patient.json", b'{"days_since_earlier": 200}'),
    }
    answer = client.post("/studies", files=files)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    ball = nearest(told, chest[2])
    assert told["comparison"]["days"] == 200
    assert ball["change"]["status"] == "grown"
    assert ball["change"]["ratio"]["low"] > 1.2
    assert ball["change"]["doubling_days"]["low"] < ball["change"]["doubling_days"]["value"] < 200
    lost = len(told["comparison"]["lost"])
    told = client.request("DELETE", f"/studies/{told['id']}/findings/{ball['label']}").json()
    assert len(told["comparison"]["lost"]) == lost + 1
    assert "has grown" not in client.get(f"/studies/{told['id']}/report").text
    refused = client.post("/studies", files={each: files[each] for each in ("ct", "earlier")})
    assert refused.status_code == 422
    assert "days_since_earlier" in refused.json()["error"]


def test_the_report_is_a_pdf_too(client: TestClient, opened: dict):
    pytest.importorskip("fpdf", reason="the extra 'pdf' is not installed")
    answer = client.get(f"/studies/{opened['id']}/report.pdf")
    assert answer.content.startswith(b"%PDF-")
    assert answer.headers["content-disposition"] == 'attachment; filename="report.pdf"'


def test_what_is_wrong_is_answered_with_one_sentence(client: TestClient, opened: dict):
    url = f"/studies/{opened['id']}"
    for path, body, status, sentence in (
        ("clicks", {"at_mm": [9e3, 0, 0]}, 422, "lies outside the scan"),
        ("clicks", {"at_mm": ["a", 0, 0]}, 422, "three finite numbers"),
        ("clicks", {"at_mm": [0, 0, 0], "positive": "yes"}, 422, "positive is true or false"),
        ("clicks", {"att_mm": [0, 0, 0]}, 422, "did you mean 'at_mm'"),
        ("boxes", {"low_mm": [0, 0, 0]}, 422, "three finite numbers"),
        ("findings", [1], 422, "is a JSON object"),
    ):
        answer = client.post(f"{url}/{path}", json=body)
        assert answer.status_code == status, answer.text
        assert sentence in answer.json()["error"]
    assert client.post(f"{url}/clicks", content=b"{").status_code == 422
    assert "slices 0 to" in client.get(f"{url}/slices/9999").json()["error"]
    assert "there is no finding" in client.request("DELETE", f"{url}/findings/99").json()["error"]
    assert "no DICOM series" in client.get(f"{url}/documents/seg").json()["error"]
    assert client.get(f"{url}/documents/fhir").json()["resourceType"] == "Bundle"


def test_a_file_that_is_no_scan_is_refused_and_leaves_nothing(client: TestClient, tmp_path: Path):
    answer = client.post("/studies", files={"ct": ("scan.nii.gz", b"no scan")})
    assert answer.status_code == 422
    assert "colonnade-study" not in answer.text
    assert "scan.nii.gz" in answer.json()["error"]
    answer = client.post("/studies", files={"indication": (None, "cough")})
    assert answer.status_code == 422
    assert "needs a ct" in answer.json()["error"]


def test_studies_expire_and_make_room_and_say_so(
    pipeline: NodulePipeline, nifti: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "ct.nii.gz").write_bytes(nifti)
    record = {"ct": pipeline.read("ct", tmp_path / "ct.nii.gz")}
    known, looked = pipeline.predict(**record), pipeline._looked(record["ct"], None)
    monkeypatch.setattr(pipeline, "predict", lambda **given: known)  # the detector has nothing to do with expiry
    monkeypatch.setattr(pipeline, "_looked", lambda scan, volume: looked)
    now = [0.0]
    studies = Studies(pipeline, most=1, kept=60, clock=lambda: now[0])
    with TestClient(application([pipeline], studies=studies)) as client:
        first = client.post("/studies", files={"ct": ("a.nii.gz", nifti)}).json()["id"]
        folder = studies.get(first).folder
        second = client.post("/studies", files={"ct": ("b.nii.gz", nifti)}).json()["id"]
        gone = client.get(f"/studies/{first}")
        assert gone.status_code == 410
        assert "closed after 1 minutes without use" in gone.json()["error"]
        assert not folder.exists()
        now[0] = 59
        assert client.get(f"/studies/{second}").status_code == 200
        now[0] = 59 + 61
        assert client.get(f"/studies/{second}/slices/0").status_code == 410


def test_a_zipped_dicom_study_gives_dicom_documents(
    client: TestClient, chest: tuple[Volume, Array, Array], write_series: Callable[..., Path], tmp_path: Path
):
    pytest.importorskip("highdicom", reason="the extra 'dicom' is not installed")
    folder, packed = write_series(chest[0], tmp_path / "study", _of_a_study), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    told = client.post("/studies", files={"ct": ("study.zip", packed.getvalue())}).json()
    url = f"/studies/{told['id']}"
    client.request("DELETE", f"{url}/findings/{told['findings'][0]['label']}")
    client.post(f"{url}/clicks", json={"at_mm": list(chest[2])})
    for kind in ("seg", "sr"):
        answer = client.get(f"{url}/documents/{kind}")
        assert answer.status_code == 200, answer.text
        assert answer.content[128:132] == b"DICM"
    client.request("DELETE", url)
    assert client.get(url).status_code == 410


def _of_a_study(number: int, data: Any) -> Any:
    data.StudyInstanceUID, data.FrameOfReferenceUID, data.PositionReferenceIndicator = "1.2.3", "1.2.4", ""
    data.SliceThickness, data.SeriesNumber, data.Manufacturer = 2.0, 3, "Maker"
    data.PatientID = data.PatientName = data.PatientBirthDate = data.PatientSex = ""
    data.StudyID = data.StudyDate = data.StudyTime = data.AccessionNumber = data.ReferringPhysicianName = ""
    return data
