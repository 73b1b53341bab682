"""Whatever is sent, the server answers, and never that it is at fault. The long run is benchmarks/serve.py."""

from __future__ import annotations

import importlib.util
import random
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

pytest.importorskip("fastapi")
pytest.importorskip("httpx")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette names the next version of its client
    from fastapi.testclient import TestClient

from colonnade.core.serving.app import application
from colonnade.core.vertical import Task, tasks

TASKS = [task for task in tasks().values() if task.sample is not None]
ROOT = Path(__file__).parents[3]
KINDS = (
    "multipart/form-data", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "text/csv",
    "application/x-ndjson", "application/json", "application/x-npz", "text/csv; charset=utf-99", "", "\xff",
)  # fmt: skip


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    pipelines = [task.pipeline().from_pretrained() for task in TASKS]
    with TestClient(application(pipelines, upload_limit=50_000_000), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def wrong() -> ModuleType:
    place = ROOT / "benchmarks" / "serve_malformed.py"
    if not place.exists():
        pytest.skip("the benchmarks are not part of an installed package")
    spec = importlib.util.spec_from_file_location("serve_malformed", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_spoiled_samples_are_answered_or_refused_with_a_sentence(client: TestClient, wrong: ModuleType, task: Task):
    drawn, until = random.Random(f"spoiled {task.name}"), time.monotonic() + 1.5
    for number in range(20):
        if number and time.monotonic() > until:
            break
        body, kind = wrong.form_of(wrong.spoiled(task, drawn))
        answer = client.post(f"/v1/{task.name}", content=body, headers={"content-type": kind})
        assert answer.status_code in (200, 422), answer.text
        if answer.status_code == 422:
            told = answer.json()
            assert told["error"]
            assert "Traceback" not in told["error"]
            assert tempfile.gettempdir() not in told["error"]


@given(
    path=st.sampled_from(
        ["/v1/finance/assistant", "/v1/finance/fraud", "/v1/programs/x", "/v1/reload", "/v1/", "/%00"]
    ),
    kind=st.sampled_from(KINDS),
    head=st.sampled_from([b"", b"--x\r\n", b'--x\r\nContent-Disposition: form-data; name="message"\r\n\r\n']),
    body=st.binary(max_size=300),
    query=st.sampled_from(["", "?as=report", "?as=", "?as=%ff", "?task=x"]),
)
@settings(
    max_examples=300,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(path="/v1/finance/assistant", kind=KINDS[1], head=b"--x\r\n", body=b"\r\n" * 20_000, query="")
def test_bodies_of_any_bytes_are_answered(
    client: TestClient, path: str, kind: str, head: bytes, body: bytes, query: str
):
    answer = client.post(path + query, content=head + body, headers={"content-type": kind.encode("latin-1")})
    assert answer.status_code < 500, (answer.status_code, answer.text)
    assert answer.status_code == 200 or answer.json()["error"]
