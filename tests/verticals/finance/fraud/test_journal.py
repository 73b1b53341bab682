"""A journal: killed at any moment, it comes back with every answered record once; damage is found, not read over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from colonnade.core.errors import CheckpointError, FileError, FormatError
from colonnade.verticals.finance.fraud.journal import Journal
from colonnade.verticals.finance.fraud.snapshot import pack, unpack
from colonnade.verticals.finance.fraud.stream import Event, Stream, events_of

from .conftest import START, made

ROOT = Path(__file__).parents[4]
WRITER = """
import sys
sys.path[:0] = [{dev!r}]
from colonnade.verticals.finance.fraud.journal import Journal
from colonnade.verticals.finance.fraud.stream import Event
journal = Journal({folder!r}, every=70)
for number in range(journal.records, 1_000_000):
    time = {start} + number * 600.0
    journal.update(Event(f"e{{number}}", time, f"c{{number % 7}}", f"t{{number % 3}}", 1.0 + number % 50))
    print(number, flush=True)
"""


def state(stream: Stream) -> dict[str, bytes]:
    return {name: values.tobytes() for name, values in pack(stream).items()}


def fed(stream: Stream | Journal, upto: int, start: int = 0) -> None:
    whole = made(3, 200)
    events = list(events_of(whole.events))
    for row in range(start, upto):
        stream.update(events[row])
        if np.isfinite(whole.labels.known_at[row]):
            stream.label(events[row].id, bool(whole.labels.fraud[row]), float(whole.labels.known_at[row]))


def test_a_snapshot_holds_the_whole_state():
    stream = Stream()
    fed(stream, 150)
    again = unpack(pack(stream))
    assert state(again) == state(stream)
    event = Event("next", stream.now + 5, "c1", "t1", 20.0, "CAFE ROMA 1", "phone a")
    assert np.array(again.update(event)).tobytes() == np.array(stream.update(event)).tobytes()
    fed(again, 200, 200)
    assert state(again) == state(stream)


@pytest.mark.parametrize("every", [7, 1000])
def test_an_opened_journal_goes_on_where_it_stopped(every, tmp_path):
    straight = Stream()
    fed(straight, 200)
    start = 0
    for upto in (1, 50, 51, 120, 200):
        journal = Journal(tmp_path / "state", every=every)
        fed(journal, upto, start)
        journal.close()
        start = upto
    journal = Journal(tmp_path / "state")
    assert state(journal.stream) == state(straight)
    with pytest.raises(FormatError, match=r"stands twice|order of time"):
        fed(journal, 200, 199)
    assert state(journal.stream) == state(straight)
    journal.close()


def test_a_killed_process_loses_nothing_and_counts_nothing_twice(tmp_path):
    folder, answered = tmp_path / "state", -1
    script = WRITER.format(dev=str(ROOT / ".dev"), folder=str(folder), start=START)
    for wanted in (40, 200):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            answered = int(line)
            if answered >= wanted:
                os.kill(process.pid, signal.SIGKILL)
                break
        answered = max([answered, *(int(line) for line in process.stdout if line.endswith("\n"))])
        process.stdout.close()
        process.wait()
        journal = Journal(folder)
        assert journal.records - 1 in (answered, answered + 1)  # one more may have been written and not answered
        straight = Stream()
        for number in range(journal.records):
            straight.update(
                Event(f"e{number}", START + number * 600.0, f"c{number % 7}", f"t{number % 3}", 1.0 + number % 50)
            )
        assert state(journal.stream) == state(straight)
        journal.close()


def test_a_torn_last_line_is_dropped_and_a_damaged_one_is_refused(tmp_path):
    journal = Journal(tmp_path)
    fed(journal, 20)
    journal.close()
    log = next(tmp_path.glob("log-*"))
    whole = log.read_bytes()
    log.write_bytes(whole + b'0123abcd ["event", "half')
    journal = Journal(tmp_path)
    records = journal.records
    assert log.read_bytes() == whole
    journal.close()
    assert records == len(whole.splitlines())
    log.write_bytes(whole[:60] + b"X" + whole[61:])
    with pytest.raises(FileError, match="line 1 is damaged"):
        Journal(tmp_path)


def test_a_journal_has_one_writer(tmp_path):
    journal = Journal(tmp_path)
    with pytest.raises(FormatError, match="one writer"):
        Journal(tmp_path)
    journal.close()


def test_a_card_takes_at_most_two_kilobytes():
    stream = Stream()
    for number in range(400):
        stream.update(Event(f"e{number}", START + number * 900.0, "c", f"t{number}", 5.0, "", f"phone {number}"))
    stream.advance(START + 1e6)
    found = sum(values.nbytes for name, values in pack(stream).items() if name.startswith("card."))
    assert 1500 < found <= 2048


def test_a_record_that_is_missing_between_two_logs_is_refused(tmp_path):
    journal = Journal(tmp_path)
    fed(journal, 20)
    journal.close()
    log = next(tmp_path.glob("log-*"))
    (tmp_path / "log-000000000000099.txt").write_bytes(log.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(CheckpointError, match="is missing"):
        Journal(tmp_path)
