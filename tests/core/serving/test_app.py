"""A task behind HTTP: the Result as JSON, errors as sentences, and nothing left behind."""

from __future__ import annotations

import socket
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
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
from colonnade.core.serving.limits import Limits
from colonnade.core.serving.models import Origin
from colonnade.core.vertical import Modality, Task

HERE = ("127.0.0.1", 1)


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


def test_a_refusal_leaves_after_the_body_has_come(client: TestClient) -> None:
    """Else the connection is closed under a client that still sends, and it never reads the sentence."""
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(50):
            sent += 1
            yield b"1" * 1000

    refused = client.post("/v1/test/count", content=chunks(), headers={"content-type": "text/plain"})
    assert (refused.status_code, sent) == (422, 50)


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


# ---- limits, metrics, schema, reload ------------------------------------------------------------------------------


class Slow(Counts):
    """Answers when the event says so."""

    release = threading.Event()

    def answer(self, record: Mapping[str, Any]) -> Answered:
        self.release.wait(10)
        return super().answer(record)


def post(client: TestClient) -> Any:
    return client.post("/v1/test/count", files={"scan": ("a.png", b"12345")})


def test_a_full_queue_answers_503_and_says_when_to_ask_again() -> None:
    Slow.release.clear()
    with TestClient(application([Slow()], limits=Limits(waiting=1))) as client, ThreadPoolExecutor(2) as pool:
        inside = [pool.submit(post, client) for _ in range(2)]
        assert _soon(lambda: client.app.state.gate.inside == 2)  # type: ignore[attr-defined]
        refused = post(client)
        Slow.release.set()
        assert [each.result().status_code for each in inside] == [200, 200]
    assert (refused.status_code, refused.json()["kind"]) == (503, "Full")
    assert int(refused.headers["retry-after"]) >= 1


def test_what_takes_too_long_is_answered_504_and_the_next_one_is_answered(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    Slow.release.clear()
    with TestClient(application([Slow()], limits=Limits(seconds=0.3))) as client:
        late = post(client)
        assert (late.status_code, late.json()["kind"]) == (504, "TooLong")
        assert len(list(tmp_path.iterdir())) == 1  # its files are still read
        Slow.release.set()
        assert _soon(lambda: not list(tmp_path.iterdir()))
        assert post(client).status_code == 200


def test_a_server_that_is_told_to_stop_answers_who_is_inside_and_lets_nobody_in() -> None:
    Slow.release.clear()
    with TestClient(application([Slow()])) as client, ThreadPoolExecutor(1) as pool:
        inside = pool.submit(post, client)
        assert _soon(lambda: client.app.state.gate.inside == 1)  # type: ignore[attr-defined]
        client.app.state.gate.stop()  # type: ignore[attr-defined]
        assert (post(client).status_code, client.get("/ready").status_code) == (503, 503)
        assert client.get("/health").status_code == 200
        Slow.release.set()
        assert inside.result().status_code == 200


def test_a_computation_that_never_ends_makes_the_server_say_that_it_is_stuck() -> None:
    Slow.release.clear()
    with TestClient(application([Slow()], limits=Limits(seconds=0.1))) as client:
        post(client)
        assert _soon(lambda: client.get("/health").status_code == 503)
        Slow.release.set()
        assert _soon(lambda: client.get("/health").status_code == 200)


def test_requests_are_counted_by_task_and_status_and_strangers_do_not_fill_the_memory(client: TestClient) -> None:
    post(client)
    client.post("/v1/test/count", files={"scan": ("a.png", b"bad")})
    for number in range(20):
        client.get(f"/strange/{number}")
        client.post(f"/v1/strange/{number}")
    text = client.get("/metrics").text
    assert 'colonnade_requests_total{asked="test/count",status="200"} 1.0' in text
    assert 'colonnade_requests_total{asked="test/count",status="422"} 1.0' in text
    assert 'colonnade_request_seconds_count{asked="test/count"} 2.0' in text
    assert "strange" not in text


def test_the_schema_is_made_from_the_records(client: TestClient) -> None:
    told = client.get("/openapi.json").json()
    form = told["components"]["schemas"]["TestCountRecord"]
    assert form["required"] == ["scan"]
    assert form["properties"]["words"] == {
        "type": "string", "minLength": 1, "description": "text", "x-noun": "text"
    }  # fmt: skip
    assert form["properties"]["scan"]["format"] == "binary"
    posted = told["paths"]["/v1/test/count"]["post"]
    assert set(posted["responses"]) == {"200", "408", "413", "422", "500", "503", "504"}


def test_answers_and_errors_are_what_the_schema_says(client: TestClient) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    told = client.get("/openapi.json").json()
    answers = {"TestCountResult": post(client), "Error": client.post("/v1/test/count")}
    for name, answer in answers.items():
        schema = {"$ref": f"#/components/schemas/{name}", "components": told["components"]}
        jsonschema.validate(answer.json(), schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({}, schema)


def test_paths_and_methods_that_do_not_exist_have_a_sentence_too(client: TestClient) -> None:
    assert "nothing at /nowhere" in client.get("/nowhere").json()["error"]
    wrong = client.delete("/health")
    assert (wrong.status_code, "not with DELETE" in wrong.json()["error"]) == (405, True)


class Sized(Counts):
    """Counts in its checkpoint's unit; a unit of 0 fails on every input, one of -1 cannot be loaded."""

    def __init__(self, unit: int = 1) -> None:
        self.unit = unit

    def answer(self, record: Mapping[str, Any]) -> Answered:
        return Answered(answer=Count(bytes=record["scan"][0] // self.unit, files=1, words=0))

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> Self:
        if checkpoint.config["unit"] < 0:
            raise ValueError("no unit is below 0")
        return cls(checkpoint.config["unit"])

    def to_checkpoint(self) -> Checkpoint:
        return Checkpoint(kind="test/count", config={"unit": self.unit}, tensors={"unit": np.array([self.unit])})


@pytest.fixture
def sized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TestClient, Path]]:
    scan = tmp_path / "sample.png"
    scan.write_bytes(b"123456")
    monkeypatch.setattr(Sized, "task", replace(Counts.task, sample=lambda: {"scan": scan}, pipeline=lambda: Sized))
    folder = Sized(1).save(tmp_path / "model")
    origin = Origin(load=lambda: Sized.from_pretrained(folder), folder=folder)
    with TestClient(application([origin], warm=True), client=HERE) as client:
        assert _soon(lambda: client.get("/ready").status_code == 200)
        yield client, folder


def test_a_new_checkpoint_takes_over_between_two_requests(sized: tuple[TestClient, Path]) -> None:
    client, folder = sized
    assert post(client).json()["bytes"] == 5
    Sized(5).save(folder)
    before = client.get("/ready").json()["models"]["test/count"]["sha256"]
    assert client.post("/v1/reload").status_code == 200
    assert post(client).json()["bytes"] == 1
    assert client.get("/ready").json()["models"]["test/count"]["sha256"] != before
    assert 'colonnade_reloads_total{outcome="took over",task="test/count"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize(
    ("unit", "match"), [(0, "fails on the sample"), (-1, "no unit is below 0"), (None, "whole safetensors")]
)
def test_a_broken_checkpoint_is_refused_and_the_model_from_before_answers(
    sized: tuple[TestClient, Path], unit: int | None, match: str
) -> None:
    client, folder = sized
    if unit is None:
        (folder / "model.safetensors").write_bytes(b"cut")
    else:
        Sized(unit).save(folder)
    refused = client.post("/v1/reload?task=test/count")
    assert (refused.status_code, match in refused.json()["error"]) == (422, True), refused.text
    assert post(client).json()["bytes"] == 5
    assert match in client.get("/ready").json()["models"]["test/count"]["refused"]
    Sized(5).save(folder)
    client.post("/v1/reload")
    assert client.get("/ready").json()["models"]["test/count"]["refused"] is None


def test_a_changed_folder_is_noticed_once_it_is_left_alone(sized: tuple[TestClient, Path]) -> None:
    client, folder = sized
    models = client.app.state.models  # type: ignore[attr-defined]
    now = 0.0
    models._clock = lambda: now
    Sized(5).save(folder)
    assert models.changed() == []
    now = 1.0
    (folder / "card.json").write_text("{} ")
    assert models.changed() == []
    now = 2.5
    assert models.changed() == []
    now = 3.5
    assert models.changed() == ["test/count"]
    assert models.changed() == []


def test_checkpoints_are_read_again_at_the_word_of_this_machine_alone(sized: tuple[TestClient, Path]) -> None:
    client, _ = sized
    for header in ("x-forwarded-for", "origin", "forwarded"):
        assert client.post("/v1/reload", headers={header: "10.0.0.1"}).status_code == 403
    assert "did you mean 'test/count'" in client.post("/v1/reload?task=test/conut").json()["error"]
    with TestClient(application([Counts()]), client=("10.0.0.1", 1)) as far:
        assert far.post("/v1/reload").status_code == 403


def test_the_schema_has_the_sample_s_answer_once_it_is_known(sized: tuple[TestClient, Path]) -> None:
    client, _ = sized
    told = client.get("/openapi.json").json()
    own = told["components"]["schemas"]["TestCountResult"]["allOf"][1]["properties"]
    assert own["bytes"] == {"type": ["number", "null"]}
    posted = told["paths"]["/v1/test/count"]["post"]["responses"]["200"]["content"]["application/json"]
    assert posted["example"]["bytes"] == 6


def _soon(true: Any, seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.02)
    return False
