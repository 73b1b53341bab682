"""Every task and every verb of the command line, run once as a user would: what it gave, how long it took, how large.

    python benchmarks/tasks.py [DATA]              # about an hour of two cores; DATA holds public data (see README)
    python benchmarks/tasks.py [DATA] --tasks finance/notes --verbs predict explain
    python benchmarks/tasks.py [DATA] --missing    # goes on where it ended

Each cell is one process of its own: its seconds are those of the whole command, start and imports included, and its
memory is the largest that the process held. What is measured is kept in docs/tasks.json, so that a part can be measured
again; docs/tasks.md is written from it. A verb that a task refuses shows the sentence it refused with.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results import table
from trials import ROOT, TRIALS, Trial

from colonnade.core.vertical import find, tasks

KEPT, PAGE = ROOT / "docs" / "tasks.json", ROOT / "docs" / "tasks.md"
METHODS = ("full", "lora", "progressive", "probe")
VERBS = ("predict", "explain", "evaluate", *(f"fit {method}" for method in METHODS), "export", "shrink", "serve",
         "many", "profile", "governance", "line", "app")  # fmt: skip
LIMIT = 1500  # seconds of one command
ASKED = 8  # requests to a server


@dataclass(frozen=True, kw_only=True)
class Ran:
    """One command: what it printed, its seconds, its largest memory in MB, its exit code and last complaint."""

    answer: Mapping[str, Any]
    seconds: float
    memory: float
    code: int
    said: str


# ---- running -------------------------------------------------------------------------------------------------------


def ran(words: Sequence[str], *, limit: float = LIMIT) -> Ran:
    """One command in a process of its own."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "colonnade.apps.cli", *words, "--json"], stdout=out, stderr=err, cwd=ROOT
        )
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.perf_counter() - started > limit:
                process.kill()
            time.sleep(0.02)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        text, said = out.read().decode(), err.read().decode().strip()
    try:
        answer = json.loads(text)
    except ValueError:
        answer = {}
    last = answer.get("error") or (said.splitlines()[-1] if said else "")
    return Ran(
        answer=answer, seconds=seconds, memory=usage.ru_maxrss / 1024, code=process.returncode,
        said=str(last).removeprefix("error: "),
    )  # fmt: skip


def refused(done: Ran) -> str:
    """The sentence of a command that was refused; a crash or a time limit stops everything."""
    if done.code == 2:
        return f"refused: {done.said}"
    raise SystemExit(f"exit code {done.code} after {done.seconds:.0f} s: {done.said}")


def cost(done: Ran) -> str:
    return f"{done.seconds:.1f} s, {done.memory:,.0f} MB"


def given(task: str) -> list[str]:
    """The words of the task's sample."""
    sample = find(task).sample
    assert sample is not None, task
    return [word for name, value in sample().items() for word in (f"--{name}", str(value))]


def size_of(folder: Path) -> str:
    return f"{sum(each.stat().st_size for each in folder.rglob('*') if each.is_file()) / 1e6:.2f} MB"


# ---- the verbs -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Place:
    """A task, its trial, its data, and a folder to write into."""

    task: str
    trial: Trial
    learn: Path
    test: Path
    scratch: Path

    def score(self, answer: Mapping[str, Any]) -> str:
        """The metric with its interval, from an evaluation."""
        value, span = answer["metrics"].get(self.trial.metric), answer["intervals"].get(self.trial.metric)
        shown = "none" if value is None else f"{value:.3f}"
        if not span:
            return shown
        return f"{shown} [{span[0]:.3f}, {span[1]:.3f}]"


def predict(place: Place) -> str:
    done = ran(["predict", place.task, *given(place.task), "--out", str(place.scratch / "predicted")])
    return refused(done) if done.code else f"{done.answer['status']}; {cost(done)}"


def explain(place: Place) -> str:
    done = ran(["explain", place.task, *given(place.task), "--out", str(place.scratch / "explained")])
    if done.code:
        return refused(done)
    first = max(done.answer["modalities"], key=lambda name: abs(done.answer["modalities"][name]))
    return f"most by {first}; {cost(done)}"


def evaluate(place: Place) -> str:
    done = ran(["evaluate", place.task, str(place.test)])
    if done.code:
        return refused(done)
    seen = "" if place.trial.apart else " (it learnt from data like these)"
    return f"{place.trial.metric} {place.score(done.answer)}{seen}; {cost(done)}"


def fitted(method: str) -> Callable[[Place], str]:
    def fit(place: Place) -> str:
        out = place.scratch / method
        done = ran(["fit", place.task, str(place.learn), "--method", method, "--out", str(out), *place.trial.fit])
        if done.code:
            return refused(done)
        tested = ran(["evaluate", place.task, str(place.test), "--checkpoint", str(out)])
        if tested.code:
            return f"fitted; its evaluation was {refused(tested)}"
        return f"{place.trial.metric} {place.score(tested.answer)}; {size_of(out)}; {cost(done)}"

    return fit


def export(place: Place) -> str:
    out = place.scratch / "exported"
    done = ran(["export", place.task, "--out", str(out)])
    if done.code:
        return refused(done)
    proven = ran(["export", "--check", str(out)])
    again = "proven again" if proven.code == 0 else refused(proven)
    parity = max(done.answer["parity"].values())
    return f"{done.answer['format']}, {size_of(out)}, parity {parity:.1e}, {again}; {cost(done)}"


def shrink(place: Place) -> str:
    done = ran(["shrink", place.task, str(place.learn), "--out", str(place.scratch / "shrunk")])
    return refused(done) if done.code else f"{size_of(place.scratch / 'shrunk')}; {cost(done)}"


def serve(place: Place) -> str:
    """The median of a few answers to the sample, and the time until it was ready."""
    import httpx

    started = time.perf_counter()
    process, address = _served(["serve", place.task])
    try:
        ready = _awaited(f"{address}/ready", started)
        sample = find(place.task).sample
        assert sample is not None
        taken = []
        for _ in range(ASKED):
            files, fields = {}, {}
            for name, value in sample().items():
                path = Path(value) if isinstance(value, Path) else None
                if path is not None and not find(place.task).modality(name).inline:
                    files[name] = (path.name, path.read_bytes())
                else:
                    fields[name] = str(value)
            begun = time.perf_counter()
            answer = httpx.post(f"{address}/v1/{place.task}", files=files, data=fields, timeout=300)
            taken.append(time.perf_counter() - begun)
            if answer.status_code != 200:
                return f"answered {answer.status_code}: {answer.json()['error']}"
    finally:
        process.terminate()
        process.wait(timeout=60)
    return f"{1000 * sorted(taken)[len(taken) // 2]:.0f} ms an answer; ready after {ready:.0f} s"


def page(place: Place) -> str:
    """The vertical's page."""
    import httpx

    vertical = place.task.split("/")[0]
    process, address = _served(["app", vertical])
    try:
        _awaited(f"{address}/ready", time.perf_counter())
        answer = httpx.get(address, timeout=60)
        title = answer.text.split("<title>")[1].split("</title>")[0]
    finally:
        process.terminate()
        process.wait(timeout=60)
    return f"answered {answer.status_code}: {title}"


def many(place: Place) -> str:
    """The sample as two records of a table."""
    rows = place.scratch / "records.jsonl"
    sample = find(place.task).sample
    assert sample is not None
    words = {name: str(value) for name, value in sample().items()}
    rows.write_text("".join(json.dumps({"id": str(number), **words}) + "\n" for number in range(2)), encoding="utf-8")
    done = ran(["predict", place.task, "--many", str(rows), "--out", str(place.scratch / "many.jsonl")])
    return refused(done) if done.code else f"2 records; {cost(done)}"


def profile(place: Place) -> str:
    done = ran(["profile", place.task])
    if done.code:
        return refused(done)
    most = max(done.answer["stages"], key=lambda stage: stage["seconds"])
    return f"{done.answer['warm_seconds']:.2f} s warm, most in {most['name']}; {cost(done)}"


def governance(place: Place) -> str:
    done = ran(["governance", place.task, "shipped", "--out", str(place.scratch / "governance")])
    if done.code:
        return refused(done)
    lines = [each["status"] for each in done.answer["expectations"]]
    return f"{lines.count('pass')} of {len(lines)} met; {cost(done)}"


def line(place: Place) -> str:
    done = ran(["line", place.task, "--help"]) if find(place.task).line is None else None
    if done is not None:
        return refused(done)
    done = ran(["line", place.task, "--replay", str(place.learn), "--out", str(place.scratch / "line")])
    if done.code:
        return refused(done)
    return f"{done.answer['judged']} units; {cost(done)}"


RUN: Mapping[str, Callable[[Place], str]] = {
    "predict": predict, "explain": explain, "evaluate": evaluate,
    **{f"fit {method}": fitted(method) for method in METHODS},
    "export": export, "shrink": shrink, "serve": serve, "many": many, "profile": profile, "governance": governance,
    "line": line, "app": page,
}  # fmt: skip


def _served(words: Sequence[str]) -> tuple[subprocess.Popen[bytes], str]:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "colonnade.apps.cli", *words, "--port", str(port)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), (
        f"http://127.0.0.1:{port}"
    )


def _awaited(url: str, started: float) -> float:
    """Seconds until the address answers 200."""
    import httpx

    while time.perf_counter() - started < 300:
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return time.perf_counter() - started
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"{url} did not answer within 300 s")


# ---- the page ------------------------------------------------------------------------------------------------------


def written(kept: Mapping[str, Mapping[str, str]]) -> str:
    """docs/tasks.md."""
    parts = [
        "# Every task, every verb\n",
        "Made by `python benchmarks/tasks.py DATA`; each cell is one command of its own, run once as a user would: its"
        " seconds hold start and imports, its memory is the largest the process had. Times are of"
        f" {_processor()} that does other work too: read them as an order of size. Scores come with their intervals"
        " of 95 % where the task gives one; how good each task is on its benchmark stands in the README.\n",
    ]
    for task in sorted(kept):
        trial = TRIALS[task]
        rows = [(verb, kept[task].get(verb, "not run")) for verb in VERBS]
        parts.append(f"## {task}\n\nFitted and tested on: {trial.about}.\n\n{table(('verb', 'found'), rows)}\n")
    return "\n".join(parts)


def _processor() -> str:
    return f"{os.cpu_count()} cores ({platform.machine()})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=Path(os.environ.get("COLONNADE_DATA", ROOT / "data")))
    parser.add_argument("--tasks", nargs="*", choices=tuple(TRIALS), default=tuple(TRIALS))
    parser.add_argument("--verbs", nargs="*", choices=VERBS, default=VERBS)
    parser.add_argument("--missing", action="store_true", help="only what docs/tasks.json does not hold yet")
    options = parser.parse_args()
    if set(TRIALS) != set(tasks()):
        raise SystemExit(f"tasks without a trial: {', '.join(sorted(set(tasks()) ^ set(TRIALS)))}")
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    for task in options.tasks:
        verbs = [verb for verb in options.verbs if not (options.missing and verb in kept.get(task, {}))]
        if not verbs:
            continue
        with tempfile.TemporaryDirectory(prefix="colonnade-tasks-") as folder:
            scratch = Path(folder)
            learn, test = TRIALS[task].make(options.data.resolve(), scratch)
            place = Place(task=task, trial=TRIALS[task], learn=learn, test=test, scratch=scratch)
            for verb in verbs:
                kept.setdefault(task, {})[verb] = RUN[verb](place).replace(str(scratch), "DATA").replace("|", "\\|")
                print(f"{task} {verb}: {kept[task][verb]}", flush=True)
                KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
                PAGE.write_text(written(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
