"""Several processes train as one does; their state is read by any number of them; a killed one costs few steps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from colonnade.core.errors import CheckpointError, ConfigError, UnknownName
from colonnade.core.training import resume, snapshots
from colonnade.core.training.deployment import Deployment, ambient, deployed
from colonnade.core.training.parts import part_of
from colonnade.core.training.snapshots import HEAD, Snapshots, consolidate, newest

SCRIPT = Path(__file__).with_name("run_ranks.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def one(folder: Path, on_ranks: Any) -> dict[str, Any]:
    """One process: a whole training, and one that stops after step 7, with a state of step 6."""
    kept = {"folder": str(folder / "one"), "save_every": 6}
    return on_ranks(SCRIPT, 1, json.dumps({"whole": {}, "stopped": {**kept, "stop_at": 7}}))


@pytest.fixture(scope="module")
def two(folder: Path, on_ranks: Any) -> dict[str, Any]:
    """The same on two, in every way."""
    coded = {"folder": str(folder / "int8"), "save_every": 2, "exchange": "int8"}
    shards = {"folder": str(folder / "shards"), "save_every": 6, "sharded": True}
    asked: dict[str, Any] = {"plain": {"prefetch": 2}, "sharded": {"sharded": True}, "int8": {"exchange": "int8"}}
    asked |= {"powersgd": {"exchange": "powersgd"}, "int8 stopped": {**coded, "stop_at": 7}, "int8 resumed": coded}
    return on_ranks(SCRIPT, 2, json.dumps({**asked, "stopped": {**shards, "stop_at": 7}}))


@pytest.mark.parametrize("way", ["plain", "sharded"])
def test_two_processes_have_the_loss_curve_of_one(one: Any, two: Any, way: str) -> None:
    for what in ("losses", "norms", "metrics"):
        assert two[way][what] == pytest.approx(one["whole"][what], rel=1e-5)
    assert two[way]["weights"] == pytest.approx(one["whole"]["weights"], rel=1e-3)
    assert two[way]["kind"] == "Parameter"  # what was in shards is whole again


@pytest.mark.parametrize("way", ["int8", "powersgd"])
def test_compressed_gradients_reach_about_the_same(one: Any, two: Any, way: str) -> None:
    assert two[way]["losses"] == pytest.approx(one["whole"]["losses"], rel=0.05)
    assert two[way]["losses"] != two["plain"]["losses"]


def test_a_resumed_compressed_run_equals_the_uninterrupted_one(two: Any) -> None:
    assert two["int8 resumed"]["started"] == 6
    assert two["int8 resumed"]["losses"] == two["int8"]["losses"][6:]
    assert two["int8 resumed"]["weights"] == two["int8"]["weights"]


def test_a_state_in_shards_is_made_one_plain_file(folder: Path, one: Any, two: Any) -> None:
    assert (newest(folder / "shards") or (Path(),))[0].name == "step-00000006"
    shards = load_file(consolidate(folder / "shards", folder / "shards.safetensors"))
    whole = load_file(consolidate(folder / "one", folder / "one.safetensors"))
    assert shards.keys() == whole.keys()
    for name, value in whole.items():
        torch.testing.assert_close(shards[name], value, rtol=1e-3, atol=1e-3)


def test_a_run_goes_on_with_another_number_of_processes(folder: Path, one: Any, two: Any, on_ranks: Any) -> None:
    kept = {"folder": str(folder / "shards"), "save_every": 2}
    alone = on_ranks(SCRIPT, 1, json.dumps({"run": {**kept, "stop_at": 9}}))["run"]
    assert alone["started"] == 6  # of two in shards
    again = on_ranks(SCRIPT, 2, json.dumps({"run": kept}))["run"]
    assert again["started"] == 8  # of one
    wanted = one["whole"]["losses"]
    assert alone["losses"] == pytest.approx(wanted[6:9], rel=1e-5)
    assert again["losses"] == pytest.approx(wanted[8:], rel=1e-5)


def test_a_killed_rank_costs_the_steps_since_the_last_snapshot_only(tmp_path: Path, one: Any, loopback: Any) -> None:
    asked = {"folder": str(tmp_path / "run"), "save_every": 2, "sharded": True, "kill_at": 9, "kill_rank": 1}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--max-restarts=1"]
    torchrun += ["--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0", "--monitor-interval=0.1"]
    command = [*torchrun, str(SCRIPT), json.dumps({"run": asked})]
    done = subprocess.run(command, env=loopback(), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert (tmp_path / "run.died").exists()
    found = json.loads(done.stdout.splitlines()[-1])["run"]
    assert found["started"] in (6, 8)  # the snapshot of step 8 may not have been whole when step 9 ended
    assert found["losses"] == pytest.approx(one["whole"]["losses"][found["started"] :], rel=1e-5)


KILLED = """
import sys, torch
from pathlib import Path
from colonnade.core.training.resume import Place, head_of
from colonnade.core.training.snapshots import Snapshots
writer, step = Snapshots(Path(sys.argv[1])), 0
while True:
    step += 1
    writer.take(step, {"model/x": torch.full((2_000_000,), float(step))}, head_of(Place(step=step), {}))
    print(step, flush=True)
"""


def test_a_kill_while_a_snapshot_is_written_leaves_a_whole_one(tmp_path: Path, loopback: Any) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], env=loopback(), stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    while int(writer.stdout.readline()) < 5:
        pass
    time.sleep(0.01)
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    path, head = newest(tmp_path) or (None, {})
    assert path is not None
    there = {"model/x": torch.zeros(2_000_000)}
    snapshots.fill(path, there)
    assert head["place"]["step"] >= 3
    assert (there["model/x"] == head["place"]["step"]).all()


def test_what_is_not_whole_is_not_seen(tmp_path: Path) -> None:
    (tmp_path / ".step-00000009.partial").mkdir()
    (tmp_path / "step-00000010").mkdir()
    assert newest(tmp_path) is None
    (tmp_path / "step-00000010" / HEAD).write_text("{")
    with pytest.raises(CheckpointError, match="not a whole state"):
        newest(tmp_path)
    with pytest.raises(CheckpointError, match="holds no model"):
        consolidate(tmp_path / "nothing", tmp_path / "out.safetensors")


def test_a_snapshot_is_of_the_moment_it_was_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, writer, changed, write = nn.Linear(2, 2), Snapshots(tmp_path), threading.Event(), resume.write

    def slow(*given: Any) -> Path:
        changed.wait(20)
        return write(*given)

    monkeypatch.setattr(resume, "write", slow)
    before = layer.weight.detach().clone()
    state = {f"model/{name}": value for name, value in layer.state_dict().items()}
    assert writer.take(1, state, resume.head_of(resume.Place(step=1), {})) is None  # and training goes on
    with torch.no_grad():
        layer.weight.zero_()
    changed.set()
    assert writer.wait() == (1, tmp_path / resume.FILE)
    assert torch.equal(load_file(consolidate(tmp_path, tmp_path / "first.safetensors"))["weight"], before)
    assert writer.wait() is None
    writer.close()


def test_a_snapshot_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    writer = Snapshots(tmp_path / "file" / "folder")
    writer.take(1, {"model/x": torch.zeros(1)}, resume.head_of(resume.Place(step=1), {}))
    with pytest.raises(OSError, match="Not a directory"):
        writer.wait()
    writer.close()


def test_parts_of_a_batch_have_every_row_once_and_weigh_as_many_as_they_are() -> None:
    rows = torch.arange(5)
    batch = {"x": rows, "pair": (rows[:, None] * 2, [str(each) for each in range(5)]), "none": None}
    parts = [part_of(batch, rank, 2) for rank in range(2)]
    assert torch.cat([part["x"] for part, _ in parts]).sort().values.tolist() == list(range(5))
    assert parts[1][0]["pair"][1] == ["1", "3"]
    assert [weight for _, weight in parts] == [6 / 5, 4 / 5]


def test_a_batch_whose_rows_cannot_be_told_stays_whole() -> None:
    for batch in ((torch.ones(4, 2), torch.ones(3)), (torch.ones(4, 2), 7), torch.ones(1, 3), "text"):
        assert part_of(batch, 0, 2) == (batch, 1.0)


def test_deployments_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(ConfigError, match="shards exchange their gradients in full"):
        Deployment(sharded=True, exchange="int8")
    with pytest.raises(UnknownName, match="did you mean 'int8'"):
        Deployment(exchange="int9")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="rank of at least 1"):
        Deployment(rank=0)


def test_each_training_inside_a_deployment_has_a_folder_of_its_own(tmp_path: Path) -> None:
    with deployed(Deployment(snapshots=tmp_path)):
        names = [ambient(label).snapshots for label in ("fit", "fit (lora)")]
    assert names == [tmp_path / "001-fit", tmp_path / "002-fit--lora-"]
    assert ambient("fit") == Deployment()
