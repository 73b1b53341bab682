"""Exported programs behind HTTP with real worker processes: equal answers, killed workers, changed folders."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("fastapi")
pytest.importorskip("httpx")
pytest.importorskip("onnxscript", reason="programs are exported with the extra 'onnx'")
pytest.importorskip("onnxruntime", reason="programs run here on the extra 'onnx'")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette names the next version of its client
    from fastapi.testclient import TestClient

from colonnade.core.errors import CheckpointError, InputError
from colonnade.core.export import write
from colonnade.core.export.program import Program
from colonnade.core.serving.app import application
from colonnade.core.serving.limits import Limits
from colonnade.core.serving.programs import Plan, plans_of
from colonnade.core.serving.tensors import NPZ, SAFETENSORS
from colonnade.core.serving.worker import packed, unpacked
from colonnade.core.serving.workers import Opening


class Weighed(torch.nn.Module):
    """The sum over words of their numbers, times a number; `careless` ones count what a mask hides."""

    def __init__(self, times: float, *, careless: bool = False) -> None:
        super().__init__()
        self.times, self.careless = times, careless

    def forward(self, words: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        heavy = (words + 1) if self.careless else (words + 1) * mask[..., None].to(words.dtype)
        return self.times * heavy.sum((1, 2))


def export(folder: Path, times: float = 2.0, *, careless: bool = False) -> Path:
    example = (torch.arange(24.0).reshape(2, 4, 3), torch.tensor([[True] * 4, [True, True, False, False]]))
    program = Program(
        module=Weighed(times, careless=careless), example=example, inputs=("words", "mask"), outputs=("weight",),
        dynamic=({0: "batch", 1: "length"}, {0: "batch", 1: "length"}), cases={"words": example},
    )  # fmt: skip
    write(program, task="test/weigh", out=folder)
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("exported") / "one")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("exported") / "two", times=-3.0)


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "program"))


@pytest.fixture(scope="module")
def client(exported: Path) -> Iterator[TestClient]:
    """One that no test changes."""
    with TestClient(served(exported), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def changing(folder: Path) -> Iterator[TestClient]:
    with TestClient(served(folder, workers=2), client=("127.0.0.1", 1)) as client:
        yield client


def served(folder: Path, *, workers: int = 1) -> Any:
    plan = Plan(name="weigh", opening=Opening(folder=folder, engine="onnxruntime", threads=1), workers=workers)
    return application([], programs=[plan], limits=Limits(waiting=1000))


def words(length: int, value: float = 0.0) -> dict[str, np.ndarray]:
    return {"words": np.full((1, length, 3), value, np.float32), "mask": np.ones((1, length), bool)}


def ask(client: TestClient, arrays: dict[str, np.ndarray]) -> Any:
    return client.post("/v1/programs/weigh", json={"inputs": {name: each.tolist() for name, each in arrays.items()}})


def test_all_three_forms_are_answered_alike_and_in_the_form_of_the_request(client: TestClient):
    asked, target = words(5), io.BytesIO()
    np.savez(target, **asked)
    told = ask(client, asked)
    assert (told.status_code, told.json()) == (200, {"outputs": {"weight": [30.0]}})
    for kind, body in ((SAFETENSORS, packed(asked)), (NPZ, target.getvalue())):
        answer = client.post("/v1/programs/weigh", content=body, headers={"content-type": kind})
        assert answer.headers["content-type"] == kind
        found = unpacked(answer.content) if kind == SAFETENSORS else np.load(io.BytesIO(answer.content))
        assert found["weight"].tolist() == [30.0]


def test_padding_is_used_where_it_is_proven_and_only_there(client: TestClient, tmp_path: Path):
    assert client.get("/ready").json()["programs"]["weigh"]["paddable"] == ["length"]
    careless = export(tmp_path / "careless", careless=True)
    with TestClient(served(careless)) as second:
        assert second.get("/ready").json()["programs"]["weigh"]["paddable"] == []


@pytest.mark.parametrize(
    ("body", "kind", "status", "match"),
    [
        (b'{"inputs": {"words": [[[1, 2, 3]]], "mask": [[true]], "smell": []}}', "application/json", 422, "smell"),
        (b'{"inputs": {"words": [[[1, 2], [3]]], "mask": [[true]]}}', "application/json", 422, "words is no array"),
        (b'{"inputs": {"words": "all", "mask": [[true]]}}', "application/json", 422, "something else than numbers"),
        (b'{"inputs": []}', "application/json", 422, "JSON object"),
        (b"[" * 100_000, "application/json", 422, "not JSON"),
        (b"\xff\xfe", "application/json", 422, "not JSON"),
        (b'{"inputs": {"words": [[[1e999, 1, 1]]], "mask": [["a"]]}}', "application/json", 422, "mask"),
        (b"\x08\x00\x00\x00\x00\x00\x00\x00notjson!", SAFETENSORS, 422, "safetensors"),
        (b"", SAFETENSORS, 422, "safetensors"),
        (b"PK\x03\x04 cut", NPZ, 422, "npz"),
        (b"words", "text/plain", 422, "form of tensors"),
    ],
)
def test_what_is_no_input_is_one_sentence(client: TestClient, body: bytes, kind: str, status: int, match: str):
    answer = client.post("/v1/programs/weigh", content=body, headers={"content-type": kind})
    assert (answer.status_code, match in answer.json()["error"]) == (status, True), answer.text


def test_an_npz_that_holds_a_pickle_is_not_read(client: TestClient):
    target = io.BytesIO()
    np.savez(target, words=np.array([{"code": "runs"}], dtype=object), mask=np.ones((1, 1), bool))
    answer = client.post("/v1/programs/weigh", content=target.getvalue(), headers={"content-type": NPZ})
    assert (answer.status_code, "plain arrays" in answer.json()["error"]) == (422, True)


def test_the_description_says_what_goes_in_and_out_and_the_schema_too(client: TestClient):
    told = client.get("/v1/programs/weigh").json()
    assert [port["shape"] for port in told["inputs"]] == [["batch", "length", "3"], ["batch", "length"]]
    posted = client.get("/openapi.json").json()["paths"]["/v1/programs/weigh"]["post"]
    arrays = posted["requestBody"]["content"]["application/json"]["schema"]["properties"]["inputs"]
    assert arrays["required"] == ["words", "mask"]
    assert client.get("/v1/programs/weihg").status_code == 404


def test_killed_workers_lose_no_request_and_none_is_answered_wrongly(changing: TestClient):
    lengths = [1 + number % 7 for number in range(150)]
    killed: set[int] = set()

    def kill() -> None:
        for _ in range(4):
            for pid in changing.get("/ready").json()["programs"]["weigh"]["workers"][:1]:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
            time.sleep(0.1)

    with ThreadPoolExecutor(9) as pool:
        killing = pool.submit(kill)
        answers = list(pool.map(lambda length: ask(changing, words(length)), lengths))
        killing.result()
    assert [answer.status_code for answer in answers] == [200] * len(lengths)
    assert [answer.json()["outputs"]["weight"] for answer in answers] == [[6.0 * length] for length in lengths]
    assert killed
    assert _soon(lambda: len(set(changing.get("/ready").json()["programs"]["weigh"]["workers"]) - killed) == 2)
    metrics = changing.get("/metrics").text
    assert float(metrics.split('colonnade_worker_deaths_total{program="weigh"} ')[1].split()[0]) >= 0


def test_a_changed_folder_takes_over_and_a_broken_one_does_not(changing: TestClient, folder: Path, other: Path):
    assert ask(changing, words(2)).json()["outputs"]["weight"] == [12.0]
    (folder / "model.onnx").write_bytes(b"half")
    refused = changing.post("/v1/reload?task=weigh")
    assert (refused.status_code, "goes on answering" in refused.json()["error"]) == (422, True)
    assert ask(changing, words(2)).json()["outputs"]["weight"] == [12.0]
    assert "is not the file that was exported" in changing.get("/ready").json()["programs"]["weigh"]["refused"]
    shutil.copytree(other, folder, dirs_exist_ok=True)
    assert changing.post("/v1/reload?task=weigh").status_code == 200
    assert ask(changing, words(2)).json()["outputs"]["weight"] == [-18.0]
    assert changing.get("/ready").json()["programs"]["weigh"]["refused"] is None


def test_a_folder_that_is_watched_takes_over_by_itself(folder: Path, other: Path):
    with TestClient(served(folder)) as client:
        shutil.copytree(other, folder, dirs_exist_ok=True)
        assert _soon(lambda: ask(client, words(2)).json()["outputs"]["weight"] == [-18.0], 20)


def test_a_folder_that_cannot_be_opened_is_refused_before_anything_listens(folder: Path):
    (folder / "program.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(CheckpointError, match="format 99"):
        plans_of([f"weigh={folder}"]) and plans_of([str(folder)])
    with pytest.raises(CheckpointError), TestClient(served(folder)):
        pass


def test_names_of_programs_are_their_tasks_or_those_given(folder: Path):
    assert [plan.name for plan in plans_of([str(folder), f"mine={folder}"])] == ["test/weigh", "mine"]
    with pytest.raises(InputError, match="two programs are called test/weigh"):
        plans_of([str(folder), str(folder)])


def test_a_worker_starts_without_torch():
    code = "import sys, colonnade.core.serving.worker; sys.exit('torch' in sys.modules or 'fastapi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_worker_outlives_the_server(folder: Path):
    with TestClient(served(folder, workers=2)) as client:
        pids = client.get("/ready").json()["programs"]["weigh"]["workers"]
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def _soon(true: Any, seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.1)
    return False
