from __future__ import annotations

import json

import numpy as np
import pytest

from colonnade.core.errors import FormatError
from colonnade.core.types import Series
from colonnade.verticals.industrial.maintenance.sources import read_fleet, read_sensors


def table(tmp_path, text, name="fleet.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(path, match):
    with pytest.raises(FormatError, match=match):
        read_fleet(path)


def test_cmapss_text_is_read_as_it_is_published(tmp_path):
    row = " ".join(f"{value:g}" for value in range(24))
    path = table(tmp_path, f"1 1 {row}  \n1 2 {row}  \n2 1 {row}  \n", "train_FD001.txt")
    one, two = read_fleet(path)
    assert (one.machine, len(one), two.machine, len(two)) == ("1", 2, "2", 1)
    assert one.sensors[3] == "sensor_1"
    np.testing.assert_array_equal(one.values[0], np.arange(24))


def test_a_table_with_the_usual_names_is_read(tmp_path):
    (one,) = read_fleet(table(tmp_path, "Unit,Cycle,heat,RUL\nA,1,10,7\nA,2,11,6\n"))
    assert (one.machine, one.sensors, one.truth) == ("A", ("heat",), 6)


def test_a_column_map_names_what_is_unusual(tmp_path):
    path = table(tmp_path, "gadget,shift,T,junk\nx,1,10,a\nx,2,11,b\n")
    mapping = {"machine": "gadget", "cycle": "shift", "sensors": ["T"]}
    (tmp_path / "columns.json").write_text(json.dumps(mapping))
    (one,) = read_fleet(path)
    assert (one.machine, one.sensors) == ("x", ("T",))


def test_parquet_is_read_like_csv(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = tmp_path / "fleet.parquet"
    pandas.DataFrame({"machine": ["a", "a"], "cycle": [1, 2], "heat": [1.5, 2.5]}).to_parquet(path)
    (one,) = read_fleet(path)
    np.testing.assert_array_equal(one.values[:, 0], [1.5, 2.5])


def test_cycles_out_of_order_are_sorted_and_said(tmp_path):
    (one,) = read_fleet(table(tmp_path, "cycle,heat\n3,30\n1,10\n2,20\n"))
    np.testing.assert_array_equal(one.values[:, 0], [10, 20, 30])
    assert "were not in order" in one.notes[0]


def test_a_few_holes_take_the_value_before_them_and_are_said(tmp_path):
    rows = "".join(f"{n},{'' if n in (1, 5) else n}\n" for n in range(1, 13))
    (one,) = read_fleet(table(tmp_path, f"cycle,heat\n{rows}"))
    assert one.values[:, 0].tolist() == [2, 2, 3, 4, 4, 6, 7, 8, 9, 10, 11, 12]
    assert "2 missing sensor values" in one.notes[0]


def test_gaps_between_cycles_are_said(tmp_path):
    (one,) = read_fleet(table(tmp_path, "cycle,heat\n1,1\n2,2\n9,3\n10,4\n"))
    assert "1 gaps" in one.notes[0]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("machine,heat\na,1\n", "no column of cycles"),
        ("cycle,heat\n1,1\n1,2\n", "has 1 cycles twice"),
        ("cycle,heat\n1,hot\n2,2\n", "column heat holds 'hot'"),
        ("cycle,heat\n1,\n2,\n3,1\n", "missing in 67%"),
        ("cycle,heat\n,1\n2,2\n", "rows without a cycle"),
        ("cycle\n1\n", "lacks the sensors"),
        ("cycle,heat\n1,1,1\n", "row 2 has 3 cells"),
        ("cycle,heat,heat\n1,1,1\n", "names each column once"),
        ("cycle,heat\n", "rows under it"),
    ],
)
def test_a_table_that_cannot_be_a_fleet_is_refused_in_words(tmp_path, text, match):
    refused(table(tmp_path, text), match)


def test_other_text_is_not_cmapss(tmp_path):
    refused(table(tmp_path, "Dear all, the machine is fine.\n", "letter.txt"), "26 numbers a row")


def test_predict_takes_one_machine(tmp_path):
    path = table(tmp_path, "machine,cycle,heat\na,1,1\na,2,2\nb,1,3\nb,2,4\n")
    with pytest.raises(FormatError, match="holds 2 machines"):
        read_sensors(path)


def test_a_series_in_memory_is_taken():
    series = Series(values=np.zeros((5, 2)), times=np.arange(5.0), channels=("a", "b"))
    assert read_sensors(series).sensors == ("a", "b")
