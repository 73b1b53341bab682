from __future__ import annotations

import json
import threading
import time

import pytest

from colonnade.verticals.industrial.line.running import acknowledge
from colonnade.verticals.industrial.line.sources import Replayed, Watched


def watched(line):
    settings = line.settings
    return Watched(
        settings.watch, wait=settings.wait, journal=line.journal, senses=line.watching.senses, keeping=line.keeping
    )


def run(line, source=None):
    """Runs the line in a thread and hands back a way to stop it."""
    source = source or watched(line)
    found = {}
    thread = threading.Thread(target=lambda: found.update(line.run(source)), daemon=True)
    thread.start()

    def stop():
        line.stop("the test")
        thread.join(60)
        assert not thread.is_alive()
        return found

    return stop


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_files_in_any_order_become_one_result_each(made, put, results, inspector):
    put("a", "sound")
    stop = run(made())
    put("b", "image", score=3.0)
    put("a", "image")
    put("b", "sound", score=3.0)
    until(lambda: len(results()) == 2)
    told = stop()
    by_unit = {line["unit"]: line for line in results()}
    assert by_unit["a"]["decision"] == "pass"
    assert by_unit["b"]["decision"] == "reject"
    assert by_unit["a"]["modalities_present"] == ["image", "sound"]
    assert all(len(set(seen.values())) == 1 for seen in inspector.seen)
    assert told["counts"] == {"pass": 1, "review": 0, "reject": 1, "unmeasurable": 0}


def test_every_line_says_what_it_must(made, put, results):
    put("a", "image")
    put("a", "sound")
    stop = run(made())
    until(results)
    stop()
    (line,) = results()
    wanted = {
        "schema_version", "number", "unit", "attempt", "time", "task", "version", "model", "modalities_present",
        "missing",
        "judged", "scores", "p_values", "score", "p_value", "decision", "threshold", "promised_false_rejects",
        "reasons",
        "warnings", "defects", "registration", "latency_ms", "alarm", "files", "causes", "events", "overdue",
    }  # fmt: skip
    assert wanted <= set(line)
    assert line["time"].endswith("+00:00")
    assert set(line["latency_ms"]) == {"wait", "queue", "read", "judge", "total"}
    assert len(line["files"]["image"]["sha256"]) == 64


def test_a_missing_sense_is_judged_by_the_rest_with_their_own_threshold_and_said(made, put, results):
    put("a", "image")
    stop = run(made())
    until(results)
    stop()
    (line,) = results()
    assert line["missing"] == ["sound"]
    assert line["threshold"] == 1.0
    assert "sound did not come within 0.3 s: judged by image with their own threshold" in line["warnings"]


def test_a_sense_that_is_missing_in_a_row_is_lost_is_not_waited_for_and_comes_back(made, put, results):
    line = made(lost_after="2", wait="0.4")
    stop = run(line)
    for number in range(2):
        put(f"a{number}", "image")
        until(lambda wanted=number + 1: len(results()) == wanted)
    assert line.watching.senses.lost == {"sound"}
    assert "sensor lost: sound" in results()[1]["events"][0]
    assert results()[1]["alarm"]["lost_senses"] == ["sound"]
    put("b", "image")
    until(lambda: len(results()) == 3)
    assert results()[2]["warnings"][0].startswith("sound is missing: ")  # it was not waited for
    put("c", "sound")
    put("c", "image")
    until(lambda: len(results()) == 4)
    stop()
    assert results()[3]["missing"] == []
    assert "sensor back: sound" in results()[3]["events"]
    assert not line.watching.senses.lost


def test_a_late_file_is_kept_aside_and_never_judged_as_a_unit(made, put, results, tmp_path):
    line = made()
    stop = run(line)
    put("a", "image")
    until(results)
    put("a", "sound")
    until(lambda: line.source.late == 1)
    time.sleep(0.5)
    stop()
    assert len(results()) == 1
    assert (tmp_path / "out" / "aside" / "a" / "late-a.flac").exists()


def test_a_unit_that_is_shown_again_is_judged_again_with_the_next_number(made, put, results):
    line = made()
    stop = run(line)
    for score in (0.1, 5.0):
        put("a", "image", score=score)
        put("a", "sound", score=score)
        until(lambda wanted=1 + (score > 1): len(results()) == wanted)
    stop()
    assert [(each["attempt"], each["decision"]) for each in results()] == [(1, "pass"), (2, "reject")]


def test_a_corrupt_file_makes_its_unit_unmeasurable_and_the_line_goes_on(made, put, results, tmp_path):
    put("a", "image").write_text("{half")
    put("a", "sound")
    put("b", "image")
    put("b", "sound")
    stop = run(made())
    until(lambda: len(results()) == 2)
    stop()
    bad, good = sorted(results(), key=lambda each: each["unit"])
    assert bad["decision"] == "unmeasurable"
    assert "is truncated" in bad["reasons"][0]
    assert bad["unusable"] == ["image"]
    assert good["decision"] == "pass"
    assert "is truncated" in (tmp_path / "out" / "aside" / "a" / "reason.txt").read_text()
    assert (tmp_path / "out" / "aside" / "a" / "a.tif").exists()


def test_a_dark_camera_is_lost_in_the_end_and_units_are_judged_without_it(made, put, results):
    stop = run(made(lost_after="2"))
    for number in range(4):
        put(f"a{number}", "image", dark=number < 3)
        put(f"a{number}", "sound")
        until(lambda wanted=number + 1: len(results()) == wanted)
    stop()
    assert [each["decision"] for each in results()] == ["unmeasurable", "unmeasurable", "pass", "pass"]
    assert results()[2]["judged"] == ["sound"]
    assert results()[2]["threshold"] == 1.0
    assert "image is lost and was left out: dark" in results()[2]["warnings"]
    assert results()[3]["judged"] == ["image", "sound"]
    assert "sensor back: image" in results()[3]["events"]


def test_a_fault_of_the_inspector_does_not_stop_the_line(made, put, results, inspector, capsys):
    def fail(record):
        if record["image"]["unit"] == "a":
            raise KeyError("no such thing")

    inspector.before = fail
    for unit in "ab":
        put(unit, "image")
        put(unit, "sound")
    stop = run(made())
    until(lambda: len(results()) == 2)
    stop()
    assert [each["decision"] for each in results()] == ["unmeasurable", "pass"]
    assert "a fault of the program (KeyError" in results()[0]["reasons"][0]
    assert "Traceback" in capsys.readouterr().err


def test_an_alarm_carries_causes_with_their_edges_and_stays_until_acknowledged(made, put, results, tmp_path):
    line = made(alarm="2/3")
    stop = run(line)
    for number, score in enumerate((5.0, 5.0, 0.1, 0.1, 0.1)):
        put(f"a{number}", "image", score=score)
        put(f"a{number}", "sound", score=score)
        until(lambda wanted=number + 1: len(results()) == wanted)
    assert results()[1]["alarm"]["raised"] == ["rejects"]
    for cause in results()[1]["causes"]:
        assert cause["next_check"]
        assert cause["edges"][0]["source"] == "sign:image: appearance"
        assert all(edge["evidence"] for edge in cause["edges"])
    assert results()[4]["alarm"] == results()[4]["alarm"] | {"level": "alarm", "active": [], "latched": ["rejects"]}
    acknowledge(tmp_path / "out", "Ada")
    until(lambda: line.watching.alarms["rejects"].state == "normal")
    put("b", "image")
    put("b", "sound")
    until(lambda: len(results()) == 6)
    stop()
    assert results()[5]["alarm"]["level"] == "normal"


def test_alarms_charts_and_senses_are_the_same_after_a_restart(made, put, results):
    line = made(alarm="2/4", lost_after="2")
    stop = run(line)
    for number in range(6):
        put(f"a{number}", "image", score=5.0 if number in (1, 2) else 0.1 * number)
        if number < 3:
            put(f"a{number}", "sound", score=5.0 if number in (1, 2) else 0.1 * number)
        until(lambda wanted=number + 1: len(results()) == wanted)
        if number == 3:
            line.acknowledge("Ada", "rejects")
    stop()
    before = line.watching.to_dict()
    again = made(alarm="2/4", lost_after="2")
    assert again.watching.to_dict() == before
    assert before["alarms"]["rejects"]["acknowledged_by"] == "Ada"
    assert before["senses"]["sound"]["state"] == "lost"


def test_a_deadline_that_passed_is_said_and_the_unit_is_not_passed(made, put, results, inspector):
    inspector.before = lambda record: time.sleep(1.7)
    for unit in "abc":
        put(unit, "image")
        put(unit, "sound")
    stop = run(made(deadline="1.5"))
    until(lambda: len(results()) == 3)
    stop()
    assert [each["decision"] for each in results()] == ["pass", "unmeasurable", "unmeasurable"]
    assert all(each["overdue"] for each in results())
    assert "its deadline of 1.5 s passed before it could be judged" in results()[1]["reasons"][0]


def test_a_full_line_lets_the_folder_wait_and_loses_nothing(made, put, results, inspector):
    inspector.before = lambda record: time.sleep(0.02)
    for policy in ("block", "refuse"):
        for number in range(8):
            put(f"{policy}{number}", "image")
            put(f"{policy}{number}", "sound")
        line = made(queue="2", when_full=policy)
        stop = run(line)
        until(lambda wanted=8 if policy == "block" else 16: len(results()) == wanted)
        told = stop()
        assert told["queue"]["longest"] == 2
        assert told["queue"]["blocked" if policy == "block" else "refused"] > 0
    assert len({each["unit"] for each in results()}) == 16


def test_stopping_finishes_the_unit_in_hand_and_leaves_the_rest_for_the_next_start(made, put, results, inspector):
    begun, go = threading.Event(), threading.Event()

    def hold(record):
        begun.set()
        go.wait(10)

    inspector.before = hold
    for unit in "abc":
        put(unit, "image")
        put(unit, "sound")
    line = made()
    stop = run(line)
    assert begun.wait(10)
    line.stop("the test")
    go.set()
    stop()
    assert [each["unit"] for each in results()] == ["a"]
    stop = run(made())
    until(lambda: len(results()) == 3)
    stop()
    assert [each["unit"] for each in results()] == ["a", "b", "c"]


def test_a_replay_gives_the_same_lines_again(made, put, results, tmp_path):
    for unit, score in (("b", 5.0), ("a", 0.1), ("c", 0.7)):
        put(unit, "image", score=score)
        if unit != "c":
            put(unit, "sound", score=score)

    def replay(out):
        line = made(replay=str(tmp_path / "in"))
        told = line.run(Replayed(tmp_path / "in", journal=line.journal))
        assert told["stopped"] == "the end of its source"
        (tmp_path / "out").rename(tmp_path / out)
        return [json.loads(each) for each in (tmp_path / out / "results.jsonl").read_text().splitlines()]

    first, second = replay("one"), replay("two")
    assert [each["unit"] for each in first] == ["a", "b", "c"]
    clocked = ("time", "latency_ms", "written_before_ms")
    for one, two in zip(first, second, strict=True):
        assert {k: v for k, v in one.items() if k not in clocked} == {k: v for k, v in two.items() if k not in clocked}


def test_files_of_judged_units_move_where_they_are_told_to(made, put, results, tmp_path):
    put("a", "image", score=5.0)
    put("a", "sound", score=5.0)
    line = made(move="yes")
    stop = run(line)
    until(lambda: (tmp_path / "out" / "done" / "a" / "a.flac").exists())
    stop()
    assert not list((tmp_path / "in").iterdir())
    assert (tmp_path / "out" / "units" / "a" / "result.json").exists()


def test_the_heartbeat_and_the_charts_are_files_for_a_page(made, put, results, tmp_path):
    put("a", "image")
    put("a", "sound")
    stop = run(made())
    until(results)
    stop()
    state = json.loads((tmp_path / "out" / "state.json").read_text())
    assert (state["state"], state["units"], state["alarm"]["level"]) == ("stopped", 1, "normal")
    assert state["latency_ms"]["write"]["p99"] > 0
    charts = json.loads((tmp_path / "out" / "monitoring.json").read_text())["charts"]
    assert [(each["name"], each["kind"]) for each in charts[:2]] == [
        ("normal score", "ewma"),
        ("normal score", "cusum"),
    ]


@pytest.mark.parametrize("attempts", [5])
def test_a_unit_that_kills_the_process_again_and_again_is_left_out(made, put, results, attempts):
    put("a", "image")
    put("a", "sound")
    line = made()
    for _ in range(attempts):
        line.journal.begin("a")
    stop = run(made())
    until(results)
    stop()
    (told,) = results()
    assert told["decision"] == "unmeasurable"
    assert "the process ended again and again" in told["reasons"][0]
