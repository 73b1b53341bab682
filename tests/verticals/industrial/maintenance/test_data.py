from __future__ import annotations

import numpy as np
import pytest
import soundfile

from colonnade.core.errors import FormatError, InputError, UnknownName
from colonnade.verticals.industrial.maintenance.data import read_labelled
from colonnade.verticals.industrial.maintenance.envelope import RATE


def sound(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(0).normal(size=RATE * 2) * 0.1, RATE)


def cmapss(folder, lives="12\n30\n"):
    row = " ".join(["1"] * 24)
    text = "".join(f"{unit} {cycle} {row}\n" for unit in (1, 2) for cycle in (1, 2, 3))
    for name in ("train_FD001.txt", "test_FD001.txt"):
        (folder / name).write_text(text)
    (folder / "RUL_FD001.txt").write_text(lives)


def test_a_cmapss_folder_gives_failed_and_cut_machines(tmp_path):
    cmapss(tmp_path)
    found = read_labelled(tmp_path)
    assert [history.truth for history in found.failed] == [0, 0]
    assert [history.truth for history in found.cut] == [12, 30]
    assert found.layouts == ("cmapss",)


def test_lives_that_do_not_fit_the_machines_are_refused(tmp_path):
    cmapss(tmp_path, lives="12\n")
    with pytest.raises(FormatError, match="1 remaining lives for 2 machines"):
        read_labelled(tmp_path)


def test_recordings_are_found_by_folder_and_by_published_name(tmp_path):
    sound(tmp_path / "mine" / "outer race" / "1450_a.wav")
    sound(tmp_path / "outer race" / "1450_a.wav")
    sound(tmp_path / "cwru" / "1797_IR_14_DE12.wav")
    sound(tmp_path / "cwru" / "1797_OR-at-6_21_DE12.wav")
    sound(tmp_path / "cwru" / "1797_Normal.wav")
    found = {(each.fault, each.rpm, each.group) for each in read_labelled(tmp_path).recordings}
    assert found == {
        ("outer race", 1450, "1450_a"), ("inner race", 1797, "14"), ("outer race", 1797, "21"), ("normal", 1797, "0"),
    }  # fmt: skip


def test_a_speed_may_stand_in_a_table_and_is_asked_for_where_it_does_not(tmp_path):
    sound(tmp_path / "ball" / "a.wav")
    with pytest.raises(InputError, match="no shaft speed"):
        read_labelled(tmp_path)
    (tmp_path / "speeds.csv").write_text("file,rpm\na.wav,1234\n")
    assert read_labelled(tmp_path).recordings[0].rpm == 1234
    (tmp_path / "speeds.csv").write_text("file,rpm\na.wav,3\n")
    with pytest.raises(FormatError, match="turns at 3 a minute"):
        read_labelled(tmp_path)


def test_a_fleet_that_is_not_said_to_be_cut_ran_to_failure(tmp_path):
    (tmp_path / "a.csv").write_text("machine,cycle,heat\na,1,1\na,2,2\n")
    (tmp_path / "b.csv").write_text("machine,cycle,heat,rul\nb,1,1,9\nb,2,2,8\n")
    found = read_labelled(tmp_path)
    assert [history.truth for history in found.failed] == [0]
    assert [history.truth for history in found.cut] == [8]


def test_an_unknown_layout_and_a_foreign_folder_are_refused(tmp_path):
    (tmp_path / "letter.docx").write_bytes(b"PK")
    with pytest.raises(InputError, match="no labelled data"):
        read_labelled(tmp_path)
    with pytest.raises(UnknownName, match="did you mean 'cmapss'"):
        read_labelled(tmp_path, "cmaps")


def test_the_bearing_of_recordings_stands_beside_them(tmp_path):
    sound(tmp_path / "ball" / "1450_a.wav")
    (tmp_path / "machine.json").write_text('{"balls": 8, "ball_mm": 6.75, "pitch_mm": 28.5}')
    assert read_labelled(tmp_path).recordings[0].bearing.balls == 8
