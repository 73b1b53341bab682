"""A task behind HTTP: the Result as JSON, errors as sentences, and nothing left behind."""

from __future__ import annotations

import socket
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("python_multipart")
pytest.importorskip("httpx")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette names the next version of its client
    from fastapi.testclient import TestClient

from colonnade.core.checkpoint import Checkpoint
from colonnade.core.errors import FormatError, InputError
from colonnade.core.export.program import Program
from colonnade.core.pipeline import Answered, FitOptions, Pipeline
from colonnade.core.result import Evaluation
from colonnade.core.serving.app import application, serve
from colonnade.core.vertical import Modality, Task


@dataclass(frozen=True)
class Count:
    bytes: int
    files: int
    words: int


class Counts(Pipeline):
    """Counts what it is given; fails where the scan says so."""

    task = Task(
        name="test/count",
        summary="Counts",
        answer="how much there is",
        modalities=(
            Modality(name="scan", noun="image", takes="any file"),
            Modality(name="words", noun="text", takes="text", inline=True),
        ),
        minimum=(("scan",),),
        pipeline=lambda: Counts,
    )
    model: Mapping[str, Any] = {"name": "none"}

    def read(self, modality: str, value: Any) -> Any:
        if modality == "words":
            return value
        files = sorted(value.iterdir()) if value.is_dir() else [value]
        content = b"".join(item.read_bytes() for item in files)
        if content == b"bad":
            raise FormatError(f"{value} is not a scan: send a scan")
        if content == b"bug":
            raise ZeroDivisionError("a fault of the program")
        return len(content), len(files)

    def answer(self, record: Mapping[str, Any]) -> Answered:
        size, files = record["scan"]
        return Answered(answer=Count(bytes=size, files=files, words=len(record.get("words", "").split())))

    def measure(self, record: Mapping[str, Any]) -> float:
        return float(len(record))

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> Self:
        return cls()

    def to_checkpoint(self) -> Checkpoint:
        return Checkpoint(kind=self.task.name, config={}, tensors={})

    def evaluate_on(self, data: Path, *, layout: str | None, seed: int) -> Evaluation:
        return Evaluation(task=self.task.name, data=str(data), n=0, metrics={})

    def fit_on(self, data: Path, options: FitOptions) -> Self:
        return self

    def program(self) -> Program:
        raise FormatError("nothing to export")


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with TestClient(application([Counts()], upload_limit=100_000), raise_server_exceptions=False) as client:
        yield client
    assert list(tmp_path.iterdir()) == []  # whatever was asked, no file of a request outlives it


def test_a_file_and_a_text_are_answered_with_the_result(client: TestClient) -> None:
    answer = client.post("/v1/test/count", files={"scan": ("a.png", b"12345")}, data={"words": "two words"})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["bytes"], told["files"], told["words"]) == (5, 1, 2)
    assert (told["task"], told["status"]) == ("test/count", "ok")
    assert told == Counts().predict(scan=_file(b"12345"), words="two words").to_dict() | {
        "inputs": told["inputs"],
        "seconds": told["seconds"],
    }


def _file(content: bytes) -> Path:
    path = Path(tempfile.mkdtemp(dir="/tmp")) / "a.png"
    path.write_bytes(content)
    return path


def test_inputs_are_named_as_the_caller_named_them_and_not_by_our_folders(client: TestClient) -> None:
    told = client.post("/v1/test/count", files={"scan": ("../../etc/a b.png", b"12345")}).json()
    assert [source["path"] for source in told["inputs"]] == ["a_b.png"]
    assert len(told["inputs"][0]["sha256"]) == 64


def test_several_files_of_one_modality_are_a_folder(client: TestClient) -> None:
    slices = [("scan", ("study/1.dcm", b"aa")), ("scan", ("study/1.dcm", b"bbb"))]
    told = client.post("/v1/test/count", files=slices).json()
    assert (told["files"], told["bytes"]) == (2, 5)


@pytest.mark.parametrize(
    ("files", "data", "status", "match"),
    [
        ({}, {"words": "only"}, 422, "needs at least scan, and was given words"),
        ({"scna": ("a", b"1")}, {}, 422, "did you mean 'scan'"),
        ({"scan": ("a.png", b"bad")}, {}, 422, "scan/a.png is not a scan: send a scan"),
        ({"scan": ("a.png", b"")}, {}, 422, "is empty"),
        ({"scan": ("a.png", b"1")}, {"words": " "}, 422, "words is empty"),
        ({"scan": ("a.png", b"1")}, {"words": ["a", "b"]}, 422, "given 2 times"),
        ({}, {"scan": "/etc/passwd"}, 422, "must be sent as a file"),
        ({"scan": ("a.png", b"bug")}, {}, 500, "the server failed"),
        ({"scan": ("a.png", b"1" * 200_000)}, {}, 413, "larger than"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(
    client: TestClient, files: Any, data: Any, status: int, match: str
) -> None:
    answer = client.post("/v1/test/count", files=files or None, data=data, headers={"x-request-id": "abc-1"})
    told = answer.json()
    assert (answer.status_code, match in told["error"]) == (status, True), told
    assert told["request"] == answer.headers["x-request-id"] == "abc-1"
    assert tempfile.gettempdir() not in answer.text
    assert "Traceback" not in answer.text


def test_a_body_that_hides_its_length_is_stopped_all_the_same(client: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="scan"; filename="a"\r\n\r\n'
        for _ in range(300):
            yield b"1" * 1000

    answer = client.post(
        "/v1/test/count", content=chunks(), headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert answer.status_code == 413


def test_a_body_that_is_no_form_is_refused(client: TestClient) -> None:
    assert "multipart form" in client.post("/v1/test/count", json={"scan": "a"}).json()["error"]
    broken = client.post("/v1/test/count", content=b"zzz", headers={"content-type": "multipart/form-data"})
    assert broken.status_code == 422


def test_an_unknown_task_is_answered_with_the_nearest(client: TestClient) -> None:
    answer = client.post("/v1/test/conut", files={"scan": ("a", b"1")})
    assert (answer.status_code, "did you mean 'test/count'" in answer.json()["error"]) == (404, True)


def test_the_list_of_tasks_says_what_each_takes(client: TestClient) -> None:
    (told,) = client.get("/v1/tasks").json()["tasks"]
    assert told["name"] == "test/count"
    assert [modality["name"] for modality in told["modalities"]] == ["scan", "words"]
    assert told["minimum"] == [["scan"]]


def test_a_request_without_a_number_gets_one_and_a_strange_one_is_replaced(client: TestClient) -> None:
    numbers = {client.get("/health").headers["x-request-id"] for _ in range(2)}
    assert len(numbers) == 2
    assert client.get("/health", headers={"x-request-id": "a b<script>"}).headers["x-request-id"] != "a b<script>"


def test_it_is_ready_only_between_start_and_stop(client: TestClient) -> None:
    assert client.get("/ready").status_code == 200
    assert TestClient(application([])).get("/ready").status_code == 503


def test_a_missing_library_is_answered_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from colonnade.core.errors import MissingExtra

    monkeypatch.delitem(sys.modules, "colonnade.core.serving.app")
    monkeypatch.setitem(sys.modules, "fastapi", None)
    with pytest.raises(MissingExtra, match=r"pip install 'colonnade\[serve\]'"):
        __import__("colonnade.core.serving.app")


@pytest.mark.parametrize("port", ["taken", 70_000])
def test_an_address_that_cannot_be_had_is_refused(port, monkeypatch) -> None:
    monkeypatch.setattr("uvicorn.run", lambda *_, **__: pytest.fail("started"))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        chosen = other.getsockname()[1] if port == "taken" else port
        with pytest.raises(InputError, match="cannot listen at"):
            serve([], port=chosen)
