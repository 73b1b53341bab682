from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.verticals.industrial.line.arrivals import Arrivals, Arrived, named

ROOT = Path("in")
SENSES = ("scan", "image", "sound")


def file(unit: str, sense: str, path: str = "") -> Arrived:
    return Arrived(unit=unit, sense=sense, path=ROOT / (path or f"{unit}.{sense}"), size=1, mtime_ns=1)


def test_a_unit_is_due_when_its_last_sense_is_there_in_any_order():
    arrivals = Arrivals(wait=5)
    for now, sense in enumerate(("sound", "scan", "image")):
        assert arrivals.due(now, SENSES) == []
        arrivals.add(file("0001", sense), now)
    (unit,) = arrivals.due(2, SENSES)
    assert (unit.unit, set(unit.files), unit.timed_out, unit.first) == ("0001", set(SENSES), False, 0)
    assert arrivals.due(99, SENSES) == []


def test_a_unit_that_waits_in_vain_is_due_with_what_it_has():
    arrivals = Arrivals(wait=5)
    arrivals.add(file("0001", "scan"), 0)
    assert arrivals.due(4.9, SENSES) == []
    (unit,) = arrivals.due(5, SENSES)
    assert (set(unit.files), unit.timed_out) == ({"scan"}, True)


def test_a_sense_that_is_lost_is_not_waited_for():
    arrivals = Arrivals(wait=5)
    arrivals.add(file("0001", "scan"), 0)
    (unit,) = arrivals.due(0.1, ("scan",))
    assert not unit.timed_out


def test_a_file_in_the_making_extends_the_wait_but_not_for_ever():
    arrivals = Arrivals(wait=1)
    arrivals.add(file("0001", "scan"), 0)
    for now in range(1, 10):
        arrivals.growing("0001", now - 0.1)
        assert arrivals.due(now, SENSES) == []
    arrivals.growing("0001", 10)
    assert len(arrivals.due(10, SENSES)) == 1


def test_two_files_of_one_sense_make_a_unit_ambiguous():
    arrivals = Arrivals(wait=1)
    arrivals.add(file("0001", "image", "0001.png"), 0)
    arrivals.add(file("0001", "image", "0001.jpg"), 0)
    (unit,) = arrivals.due(1, SENSES)
    assert "two files claim its image: 0001.png and 0001.jpg" in unit.clash


@given(st.permutations([(unit, sense) for unit in "abcd" for sense in SENSES]), st.randoms(use_true_random=False))
def test_no_unit_ever_has_a_file_of_another(order, chance):
    arrivals, found = Arrivals(wait=3), []
    for now, (unit, sense) in enumerate(order):
        if chance.random() < 0.2:
            continue
        arrivals.add(file(unit, sense), now)
        found += arrivals.due(now, SENSES)
    found += arrivals.due(99, SENSES)
    assert all(each.unit == unit.unit for unit in found for each in unit.files.values())


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("0001.ply", ("0001", "scan")),
        ("0001.PNG", ("0001", "image")),
        ("scan/0001.pcd", ("0001", "scan")),
        ("0001/sound.flac", ("0001", "sound")),
        ("part.1.wav", ("part.1", "sound")),
        ("scan/0001.png", None),
        (".0001.png", None),
        ("0001.png.part", None),
        ("~0001.png", None),
        ("nominal.stl", None),
        ("a/b/0001.png", None),
        ("0001/other.png", None),
        ("notes.txt", None),
    ],
)
def test_names_say_which_unit_and_which_sense(path, wanted):
    assert named(ROOT / path, ROOT) == wanted
