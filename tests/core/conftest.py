"""Several processes on loopback, for the tests of what they do together."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Ranks are forked from one process that has loaded torch and used nothing of it: loading it takes most of the time.
FORK = """
import os, runpy, sys
import torch, torch.distributed, torch.distributed.checkpoint, torch.distributed.fsdp, torch._dynamo
script, ranks, local, *words = sys.argv[1:]
children = {}
for rank in range(int(ranks)):
    child = os.fork()
    if child == 0:
        os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank % int(local)), WORLD_SIZE=ranks, LOCAL_WORLD_SIZE=local)
        sys.argv = [script, *words]
        code = 1
        try:
            runpy.run_path(script, run_name="__main__")
            code = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # gloo's own threads may abort a process that ends beside them
    children[child] = rank
failed = 0
while children:
    child, status = os.wait()
    children.pop(child)
    if status:
        failed = 1
        for other in children:
            os.kill(other, 9)
sys.exit(failed)
"""


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "PYTHONWARNINGS": "ignore", **more}


def _on_ranks(script: Path, ranks: int, *words: str, local: int | None = None) -> Any:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    command = [sys.executable, "-c", FORK, str(script), str(ranks), str(local or ranks), *words]
    done = subprocess.run(command, env=_environment(**place), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-6000:]
    return json.loads(next(line for line in reversed(done.stdout.splitlines()) if line.startswith("{")))


@pytest.fixture(scope="session")
def on_ranks() -> Callable[..., Any]:
    """Run a script as so many ranks, `local` of them on a node (all by default); gives the last JSON object it printed.

    A script that has begun a process group ends with a barrier, so that no rank leaves while another talks to it.
    """
    return _on_ranks


@pytest.fixture(scope="session")
def loopback() -> Callable[..., dict[str, str]]:
    """The environment of such a process."""
    return _environment
