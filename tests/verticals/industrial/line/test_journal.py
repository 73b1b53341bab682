from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from colonnade.core.errors import FileError, FormatError
from colonnade.core.random import numpy_generator
from colonnade.verticals.industrial.line.arrivals import Arrived
from colonnade.verticals.industrial.line.journal import TRIES, Journal
from colonnade.verticals.industrial.line.sources import whole_unit

ROOT = Path(__file__).parents[4]
UNITS = 60
LINE = """
import importlib.util, sys, time
from pathlib import Path
sys.path[:0] = [{dev!r}]
from colonnade.core.progress import quiet
from colonnade.verticals.industrial.line import folder
from colonnade.verticals.industrial.line.journal import Journal
from colonnade.verticals.industrial.line.keeping import Keeping
from colonnade.verticals.industrial.line.running import Line
from colonnade.verticals.industrial.line.settings import read_settings
from colonnade.verticals.industrial.line.sources import Watched
from colonnade.verticals.industrial.line.watching import Watching
quiet()
folder.UNSURE = 0.02
spec = importlib.util.spec_from_file_location("fake", {fake!r})
fake = importlib.util.module_from_spec(spec)
sys.modules["fake"] = fake
spec.loader.exec_module(fake)
inspector = fake.Inspector(seen=[])
inspector.before = lambda record: time.sleep(0.01)
words = {{"watch": {watch!r}, "wait": "60", "senses": "image,sound", "limit": {limit!r}{move}}}
settings = read_settings(words, Path({out!r}), ("image", "sound"))
journal = Journal(settings.out)
watching = Watching(settings.senses, rule=settings.alarm, lost_after=3)
keeping = Keeping(settings.out, keep="none", move=settings.move)
line = Line(inspector, settings, journal=journal, watching=watching, keeping=keeping)
source = Watched(settings.watch, wait=settings.wait, journal=journal, senses=watching.senses, keeping=keeping)
print("ready", flush=True)
if journal.number < {units}:
    settings_left = {units} - journal.number
    object.__setattr__(line.settings, "limit", settings_left)
    line.run(source)
print(journal.number, flush=True)
"""


def started(tmp_path: Path, *, move: bool) -> subprocess.Popen[str]:
    script = LINE.format(
        dev=str(ROOT / ".dev"), fake=str(Path(__file__).with_name("conftest.py")), watch=str(tmp_path / "in"),
        out=str(tmp_path / "out"), units=UNITS, limit=str(UNITS), move=", 'move': True" if move else "",
    )  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(("move", "kills"), [(False, 4), (True, 2)])
def test_a_line_that_is_killed_again_and_again_judges_every_unit_exactly_once(tmp_path, put, move, kills):
    generator = numpy_generator(int(move), "kill")
    order = [(f"u{number:03d}", sense) for number in range(UNITS) for sense in ("image", "sound")]
    generator.shuffle(order)
    done: list[int] = []
    share = 2 * UNITS // kills
    for kill in range(kills):
        for unit, sense in order[kill * share : (kill + 1) * share]:
            put(unit, sense, score=0.01 * int(unit[1:]))
        process = started(tmp_path, move=move)
        time.sleep(float(generator.uniform(0.1, 0.5)))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        done.append(len((tmp_path / "out" / "results.jsonl").read_bytes().splitlines()))
    assert any(0 < each < UNITS for each in done)  # killed at work, not before or after it
    process = started(tmp_path, move=move)
    out, _ = process.communicate(timeout=60)
    assert out == f"{UNITS}\n"
    told = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    assert Counter(line["unit"] for line in told) == Counter(f"u{number:03d}" for number in range(UNITS))
    assert [line["number"] for line in told] == list(range(1, UNITS + 1))
    for line in told:
        assert line["attempt"] == 1
        assert line["modalities_present"] == ["image", "sound"]
        assert line["score"] == pytest.approx(2**0.5 * 0.01 * int(line["unit"][1:]))


def file(unit: str, sense: str = "image", mtime_ns: int = 7) -> Arrived:
    return Arrived(unit=unit, sense=sense, path=Path(f"{unit}.{sense}"), size=3, mtime_ns=mtime_ns)


def result(journal: Journal, unit: str, accepted: int | None = None) -> dict[str, object]:
    return {
        "number": journal.number + 1, "unit": unit, "attempt": journal.attempt(unit), "accepted": accepted,
        "time": "2026-01-01T00:00:00+00:00", "files": {"image": {"bytes": 3, "mtime_ns": 7}},
    }  # fmt: skip


def reopened(journal: Journal) -> Journal:
    journal.close()
    return Journal(journal.folder)


def test_a_torn_last_line_never_counted_and_a_damaged_one_is_refused(tmp_path):
    journal = Journal(tmp_path)
    for unit in "abc":
        journal.commit(result(journal, unit))
    whole = journal.results.read_bytes()
    journal.results.write_bytes(whole + b'{"number": 4, "unit": "d"')
    journal.journal.write_bytes(journal.journal.read_bytes() + b"0123")
    journal = reopened(journal)
    assert journal.number == 3
    assert journal.results.read_bytes() == whole
    journal.commit(result(journal, "d"))
    journal = reopened(journal)
    assert sorted(journal.judged) == ["a", "b", "c", "d"]
    journal.close()
    for damaged in (whole[:30] + b"\x00" + whole[31:], whole[whole.index(b"\n") + 1 :]):
        journal.results.write_bytes(damaged)
        with pytest.raises(FileError, match="damaged or out of order"):
            Journal(tmp_path)


def test_a_promise_that_is_damaged_is_refused(tmp_path):
    journal = Journal(tmp_path)
    journal.accept(whole_unit([file("a")], 0.0))
    journal.close()
    whole = journal.journal.read_bytes()
    journal.journal.write_bytes(whole.replace(b"a.image", b"b.image"))
    with pytest.raises(FileError, match="line 2 is damaged"):
        Journal(tmp_path)


def test_a_line_has_one_writer(tmp_path):
    journal = Journal(tmp_path)
    with pytest.raises(FormatError, match="in use by another process: stop that line"):
        Journal(tmp_path)
    journal.close()


def test_what_a_sender_was_promised_is_kept_until_it_is_judged(tmp_path):
    journal = Journal(tmp_path)
    for unit in "abc":
        journal.accept(whole_unit([file(unit)], 0.0))
    journal.commit(result(journal, "b", accepted=2))
    journal.withdraw(journal.waiting()[1])
    for _ in range(2):
        journal = reopened(journal)
        assert [unit.unit for unit in journal.waiting()] == ["a"]
        assert journal.waiting()[0].files["image"] == file("a")
    assert journal.accept(whole_unit([file("d")], 0.0)).accepted == 4
    journal.close()


def test_a_unit_begun_too_often_is_poisoned_until_it_has_a_result(tmp_path):
    journal = Journal(tmp_path)
    for _ in range(TRIES):
        assert not journal.poisoned("a")
        journal.begin("a")
        journal = reopened(journal)
    assert journal.poisoned("a")
    journal.commit(result(journal, "a"))
    journal = reopened(journal)
    assert not journal.poisoned("a")
    journal.close()


def test_files_are_known_by_what_they_are_and_late_ones_by_when_they_came(tmp_path):
    journal = Journal(tmp_path)
    journal.commit(result(journal, "a"))
    at = int(journal.judged["a"].at * 1e9)
    assert journal.seen(file("a"))
    assert not journal.seen(file("a", mtime_ns=8))
    assert journal.late(file("a", "sound", at + 30 * 10**9))
    assert not journal.late(file("a", "sound", at + 90 * 10**9))
    assert not journal.late(file("a", "image", at + 1))
    assert not journal.late(file("b", "sound", at))
    journal.close()


def test_a_disk_that_is_full_leaves_no_half_line(tmp_path, monkeypatch):
    journal = Journal(tmp_path)
    journal.commit(result(journal, "a"))
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, raw: real(handle, raw[: len(raw) // 2]))
    with pytest.raises(FileError, match="is the disk full"):
        journal.commit(result(journal, "b"))
    monkeypatch.undo()
    journal.commit(result(journal, "c"))
    journal = reopened(journal)
    assert list(journal.judged) == ["a", "c"]
    journal.close()
