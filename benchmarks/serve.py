"""Serving under an open-loop load: what batching buys, LitServe beside it, killed workers, a full queue, bad requests.

The same exported program runs on the same engine (OpenVINO, one thread) behind each server, and one client process
asks them in turn, in rounds; ratios are taken within a round. Throughput is what a server answers of an offer of half
as much again as it can take; latency is at half of what batches of one can take. Small programs and texts are asked in
JSON by both; pictures as bytes (ours) and as base64 in JSON (LitServe, which takes no bytes).

    python benchmarks/serve.py [--kinds small,text,image] [--rounds 3] [--seconds 3] [--cache FOLDER]
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import results
import serve_malformed
import serve_programs
import serve_told

from colonnade.core.engine import open_engine
from colonnade.core.progress import say
from colonnade.core.serving.batching import Joiner
from colonnade.core.serving.tensors import JSON, SAFETENSORS, write

HERE = Path(__file__).parent
RECORDS = 64
MOST = {"small": 32, "text": 16, "image": 16}


class Client:
    """The process that asks."""

    def __init__(self) -> None:
        code = "import serve_client; serve_client.main()"
        self.child = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment()
        )

    def order(self, **what: Any) -> dict[str, Any]:
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(json.dumps(what) + "\n")
        self.child.stdin.flush()
        found: dict[str, Any] = json.loads(self.child.stdout.readline())
        return found

    def close(self) -> None:
        assert self.child.stdin is not None
        self.child.stdin.close()
        self.child.wait()


@contextmanager
def server(words: list[str], port: int, ready: str = "/ready") -> Iterator[subprocess.Popen[bytes]]:
    """A server that answers, until left."""
    child = subprocess.Popen(words, env=_environment(), stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        for _ in range(600):
            if child.poll() is not None:
                raise SystemExit(f"{' '.join(words[:4])} ended with {child.returncode}")
            if _answers(port, ready):
                break
            time.sleep(0.2)
        yield child
    finally:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(20)
        with contextlib.suppress(ProcessLookupError):  # LitServe leaves its workers behind
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def ours(folder: Path, kind: str, port: int, *, most: int, workers: int = 1, waiting: int = 100_000) -> list[str]:
    program = f"bench={folder}"
    return [
        sys.executable, "-m", "colonnade.apps.cli", "serve", "--program", program, "--batch", str(most),
        "--workers", str(workers), "--waiting", str(waiting), "--threads", "1", "--port", str(port),
        "--engine", "openvino", "--precision", serve_programs.PRECISION[kind],
    ]  # fmt: skip


def peer(folder: Path, kind: str, port: int, *, most: int) -> list[str]:
    order = {"folder": str(folder), "precision": serve_programs.PRECISION[kind], "port": port, "most": most,
             "timeout": 0.005}  # fmt: skip
    return [sys.executable, "-c", "import serve_peer; serve_peer.main()", json.dumps(order)]


def bodies(kind: str, records: list[dict[str, np.ndarray]], place: Path) -> dict[str, str]:
    """The requests of each server as files that the client reads."""
    found = {}
    for whose in ("ours", "peer"):
        form = SAFETENSORS if whose == "ours" and kind == "image" else JSON
        made = [_body(whose, kind, record) for record in records]
        path = "/v1/programs/bench" if whose == "ours" else "/predict"
        target = place / f"{kind}-{whose}.npz"
        arrays = {f"body{number}": np.frombuffer(body, np.uint8) for number, body in enumerate(made)}
        np.savez(target, path=path, kind=form, count=len(made), **arrays)
        found[whose] = str(target)
    return found


def _body(whose: str, kind: str, record: Mapping[str, np.ndarray]) -> bytes:
    if kind != "image":
        return json.dumps({"inputs": {name: array.tolist() for name, array in record.items()}}).encode()
    if whose == "ours":
        return write(SAFETENSORS, record)
    return json.dumps({"inputs": {name: base64.b64encode(each.tobytes()).decode() for name, each in record.items()}}
                      ).encode()  # fmt: skip


def throughput(kind: str, folder: Path, place: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Rates and latencies of the three servers, and what a lone request pays."""
    records = serve_programs.records(kind, folder, RECORDS)
    asked = bodies(kind, records, place)
    sides = {"one by one": ("ours", _port()), "batched": ("ours", _port())}
    if find_spec("litserve") is not None:
        sides["LitServe"] = ("peer", _port())
    most = MOST[kind]
    words = {
        "one by one": lambda port: ours(folder, kind, port, most=1),
        "batched": lambda port: ours(folder, kind, port, most=most),
        "LitServe": lambda port: peer(folder, kind, port, most=most),
    }
    client = Client()
    found: dict[str, Any] = {"rates": {side: [] for side in sides}, "p50": {}, "p99": {}, "cpu": {}}
    children: dict[str, int] = {}
    with ExitStack() as stack:
        for side, (whose, port) in sides.items():
            ready = "/ready" if whose == "ours" else "/health"
            children[side] = stack.enter_context(server(words[side](port), port, ready)).pid
        can = {}
        for side, (whose, port) in sides.items():
            client.order(port=port, requests=asked[whose], rate=1e4, count=150)
            pilot = client.order(port=port, requests=asked[whose], rate=1e4, count=400)
            if pilot["answered"] != pilot["asked"]:
                raise SystemExit(f"{side} answered {pilot}")
            can[side] = pilot["rate"]
        before = _text(sides["batched"][1], "/metrics")
        for number in range(options.rounds):
            for side, (whose, port) in sides.items():
                rate = 1.5 * can[side]
                began = cpu(children[side])
                told = client.order(port=port, requests=asked[whose], rate=rate, seed=number,
                                    count=max(200, int(rate * options.seconds)))  # fmt: skip
                found["cpu"].setdefault(side, []).append(1e3 * (cpu(children[side]) - began) / told["asked"])
                if told["answered"] != told["asked"]:
                    raise SystemExit(f"{side} answered {told}")
                found["rates"][side].append(told["rate"])
                can[side] = statistics.median([can[side], told["rate"]])
        found["padding"] = padding(folder, records, before, _text(sides["batched"][1], "/metrics"), most)
        half = 0.5 * statistics.median(found["rates"]["one by one"])
        for side, (whose, port) in sides.items():
            told = client.order(
                port=port, requests=asked[whose], rate=half, count=max(200, int(half * options.seconds))
            )
            found["p50"][side], found["p99"][side] = told["p50"], told["p99"]
        found["half"] = half
        found["lone"] = lone(kind, folder, records, client, {side: (asked[w], p) for side, (w, p) in sides.items()})
    client.close()
    return found


def lone(
    kind: str, folder: Path, records: list[Any], client: Client, sides: Mapping[str, tuple[str, int]], rounds: int = 5
) -> dict[str, float]:
    """Median milliseconds of the bare call, and what each server adds to it for one request at a time."""
    engine = open_engine(folder, "openvino", precision=serve_programs.PRECISION[kind], threads=1)
    spent: dict[str, list[float]] = {"bare": [], **{side: [] for side in sides}}
    for _ in range(rounds):
        times = []
        for number in range(60):
            began = time.perf_counter()
            engine.run(records[number % len(records)])
            times.append(time.perf_counter() - began)
            time.sleep(0.0005)
        spent["bare"].append(statistics.median(times))
        for side, (asked, port) in sides.items():
            spent[side].append(statistics.median(client.order(port=port, requests=asked, lone=60)["times"]))
    bare = statistics.median(spent["bare"])
    added = {
        side: 1e3 * statistics.median([mine - base for mine, base in zip(spent[side], spent["bare"], strict=True)])
        for side in sides
    }
    return {"bare": 1e3 * bare, **added}


def cpu(pid: int) -> float:
    """Seconds of processor that the processes of a server have taken so far (it leads a session of its own)."""
    ticks = 0
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parts = place.read_text().rsplit(")", 1)[1].split()
            ticks += int(parts[11]) + int(parts[12]) if int(parts[3]) == pid else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def padding(folder: Path, records: list[Any], before: str, after: str, most: int) -> dict[str, float]:
    """The share of cells that were padding: measured by the server, and if batches were padded as they come."""

    def more(start: str) -> float:
        return _value(after, start) - _value(before, start)

    cells = {kind: more(f'colonnade_batch_cells_total{{kind="{kind}"') for kind in ("real", "padding")}
    rows = more("colonnade_batch_rows_sum{") / max(1.0, more("colonnade_batch_rows_count{"))
    told = json.loads((folder / "program.json").read_text())
    from colonnade.core.engine.folder import Port

    ports = [[Port(name=each["name"], shape=tuple(each["shape"]), dtype=each["dtype"]) for each in told[side]]
             for side in ("inputs", "outputs")]  # fmt: skip
    axes = {axis for port in ports[0] for axis in port.shape[1:] if not axis.isdigit()}
    joiner = Joiner(*ports, paddable=axes)
    asked = [joiner.checked(record) for record in records]
    joined = [joiner.joined(asked[start : start + most]) for start in range(0, len(asked), most)]
    naive = sum(each.padding for each in joined) / sum(each.padding + each.cells for each in joined)
    return {"share": cells["padding"] / max(1.0, sum(cells.values())), "naive": naive, "rows": rows}


def killed(folder: Path, place: Path, seconds: float) -> dict[str, Any]:
    """Workers are killed while requests come: who is lost, who is answered twice, who is answered wrongly."""
    records = serve_programs.records("small", folder, RECORDS)
    asked, port = bodies("small", records, place)["ours"], _port()
    engine = open_engine(folder, "openvino", precision="f32", threads=1)
    expected = [engine.run(record) for record in records]
    client, kills = Client(), 0
    with server(ours(folder, "small", port, most=32, workers=2), port):
        can = client.order(port=port, requests=asked, rate=1e4, count=400)["rate"]
        import threading

        ended = threading.Event()

        def kill() -> None:
            nonlocal kills
            while not ended.wait(0.4):
                pids: list[int] = []
                with contextlib.suppress(urllib.error.HTTPError):  # not ready: all of them are dead already
                    pids = json.loads(_text(port, "/ready"))["programs"]["bench"]["workers"]
                if pids:
                    os.kill(pids[kills % len(pids)], signal.SIGKILL)
                    kills += 1

        thread = threading.Thread(target=kill)
        thread.start()
        try:
            target = place / "answers.npz"
            told = client.order(port=port, requests=asked, rate=0.4 * can, count=int(0.4 * can * seconds),
                                bodies=str(target), most=64)  # fmt: skip
        finally:
            ended.set()
            thread.join()
    client.close()
    wrong = 0
    with np.load(target, allow_pickle=False) as archive:
        for number in archive.files:
            found = json.loads(archive[number].tobytes())["outputs"]
            want = expected[int(number) % RECORDS]
            wrong += any(not np.allclose(found[name], array, atol=1e-3) for name, array in want.items())
    return {**told, "kills": kills, "wrong": wrong}


def full(folder: Path, place: Path) -> dict[str, Any]:
    """Three times what the server can take, with 16 that may wait."""
    asked, port = bodies("small", serve_programs.records("small", folder, RECORDS), place)["ours"], _port()
    client = Client()
    with server(ours(folder, "small", port, most=1, waiting=16), port):
        can = client.order(port=port, requests=asked, rate=100, count=200)
        can = client.order(port=port, requests=asked, rate=2e3, count=600)["rate"]
        told = client.order(port=port, requests=asked, rate=3 * can, count=int(9 * can))
    client.close()
    return told


def malformed(folder: Path, requests: int, seed: int) -> dict[str, Any]:
    """Wrong requests against all tasks and a program."""
    from colonnade.core.vertical import tasks

    port = _port()
    words = [sys.executable, "-m", "colonnade.apps.cli", "serve", *tasks(), "--program", f"bench={folder}"]
    with server([*words, "--port", str(port)], port):
        return serve_malformed.run(f"http://127.0.0.1:{port}", requests=requests, seed=seed)


def busy() -> str:
    """A warning, where others had the machine as well."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load <= cores + 2:
        return ""
    return f"\n\nThe machine was busy (load {load:.0f} on {cores} cores): take times and ratios from a quiet one.\n"


def _value(metrics: str, start: str) -> float:
    return sum(float(line.rsplit(" ", 1)[1]) for line in metrics.splitlines() if line.startswith(start))


def _text(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
        return str(answer.read().decode())


def _answers(port: int, path: str) -> bool:
    try:
        _text(port, path)
    except (urllib.error.URLError, OSError):
        return False
    return True


def _port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _environment() -> dict[str, str]:
    paths = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", default=",".join(serve_programs.KINDS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--malformed", type=int, default=10_000, help="wrong requests (0: none)")
    parser.add_argument("--seed", type=int, default=0, help="of the wrong requests")
    parser.add_argument("--write", action="store_true", help="put the section into RESULTS.md")
    parser.add_argument("--cache", type=Path, help="a folder that keeps the exported programs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        cache = options.cache or Path(place)
        kinds = {}
        for kind in options.kinds.split(","):
            folder = serve_programs.folder_of(kind, cache)
            kinds[kind] = throughput(kind, folder, Path(place), options)
            say(f"{kind}: {json.dumps(kinds[kind])}")
        small = serve_programs.folder_of("small", cache)
        kill = killed(small, Path(place), 2 * options.seconds)
        say(f"killed: {json.dumps(kill)}")
        queue = full(small, Path(place))
        say(f"full: {json.dumps(queue)}")
        bad = malformed(small, options.malformed, options.seed) if options.malformed else {}
        say(f"malformed: {json.dumps(bad)}")
    text = serve_told.told(kinds, kill, queue, bad) + busy()
    print(text)
    if options.write:
        command = f"python benchmarks/serve.py --rounds {options.rounds} --seconds {options.seconds:g}"
        more = (each for each in ("litserve", "schemathesis") if find_spec(each))
        packages = ("openvino", "uvicorn", "fastapi", *more)
        results.write("Serving", command=command, text=text, packages=packages)


if __name__ == "__main__":
    main()
