from __future__ import annotations

import pytest

from colonnade.core.errors import InputError
from colonnade.verticals.industrial.causes.graph import analysis, joined
from colonnade.verticals.industrial.causes.likely import likely
from colonnade.verticals.industrial.causes.read import read_origins

HEAD = "cause,defects,step,check,action,source,occurrence\n"
ROW = "worn punch,hole;feature,punching,measure the punch,replace it,FMEA 12-7,9\n"


def test_a_plants_own_cause_is_named_with_its_own_source(tmp_path):
    path = tmp_path / "fmea.csv"
    path.write_text(HEAD + ROW, encoding="utf-8-sig")
    graph = joined(read_origins(path))
    first = likely(["scan: not covered"], graph=graph)[0]
    assert first["cause"] == "worn punch"
    assert "FMEA 12-7" in {edge["evidence"] for edge in first["edges"]}
    assert len(graph) == len(analysis()) + 4  # the cause, its step, check and action


def test_a_cause_of_the_same_name_takes_the_place_of_the_one_that_ships(tmp_path):
    path = tmp_path / "fmea.csv"
    path.write_text(HEAD + "rust,stain,yard,look at the roof,mend it,plant log,10\n")
    graph = joined(read_origins(path))
    assert graph.node("check:rust").name == "look at the roof"
    assert [edge.evidence for edge in graph.entering("cause:rust")] == ["plant log"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cause,defects\n", "lacks the columns step, check, action, source, occurrence"),
        (HEAD, "has no row"),
        (HEAD + ROW.replace("FMEA 12-7", ""), "line 2: source is empty"),
        (HEAD + ROW.replace("hole", "hol"), "did you mean 'hole'"),
        (HEAD + ROW.replace(",9", ",11"), "from 1 to 10, got '11'"),
    ],
)
def test_a_table_that_is_off_is_a_sentence(text, says, tmp_path):
    path = tmp_path / "fmea.csv"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_origins(path)
    assert says in str(error.value)


def test_a_table_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read_origins(tmp_path / "none.csv")
