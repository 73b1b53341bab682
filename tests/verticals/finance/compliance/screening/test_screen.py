from __future__ import annotations

import pytest

from colonnade.core.random import numpy_generator
from colonnade.verticals.finance.compliance.records import Entry, Party
from colonnade.verticals.finance.compliance.screening.names import name_of, skeleton
from colonnade.verticals.finance.compliance.screening.screen import screen
from colonnade.verticals.finance.compliance.simulation.spelling import VARIANTS, written_in

LISTED = Entry(list="sanctions", id="S1", name="Dmitri Shcherbakov", kind="person", birth="1960-02-03", country="XA")


def _hits(name: str, birth: str = "") -> int:
    return len(screen([Party(id="P", kind="Person", name=name, birth=birth)], {0: LISTED}))


@pytest.mark.parametrize(
    "name",
    [
        "Dmitri Shcherbakov", "SHCHERBAKOV, Dmitri", "Dmitry Shcherbakov", "Dmitri Scherbakov", "Дмитри Щербаков",
        "Dr. Dmitri Shcherbakov", "Dmitri Ivan Shcherbakov",
    ],
)  # fmt: skip
def test_the_same_name_written_otherwise_is_a_hit(name: str):
    assert _hits(name) == 1


@pytest.mark.parametrize("name", ["Dmitri Smirnov", "Boris Shcherbakov", "Dmitri", "Shcherbakov", "Maria Lopez"])
def test_half_of_a_name_is_no_hit(name: str):
    assert _hits(name) == 0


def test_a_date_of_birth_tells_people_of_one_name_apart():
    assert _hits("Dmitri Shcherbakov", "1960-02-03") == 1
    assert _hits("Dmitri Shcherbakov", "1961-08-01") == 1, "a year may be written down wrongly"
    assert _hits("Dmitri Shcherbakov", "1988-02-03") == 0


def test_arabic_script_has_no_short_vowels_and_is_found_all_the_same():
    entry = Entry(list="sanctions", id="S2", name="Mahmoud Barakat", kind="person")
    name = written_in("Mahmoud Barakat", {"kh": "خ", "m": "م", "a": "", "h": "ح", "ou": "و", "d": "د", "b": "ب",
                                          "r": "ر", "k": "ك", "t": "ت"})  # fmt: skip
    assert len(screen([Party(id="P", kind="Person", name=name)], {0: entry})) == 1


def test_legal_forms_and_titles_say_nothing():
    assert name_of("Orion Metals GmbH").tokens == name_of("ORION METALS LLC").tokens


def test_consonants_stay_across_transliterations():
    assert skeleton("mohammed") == skeleton("muhamad")
    assert skeleton("yusuf") != skeleton("omar")


@pytest.mark.parametrize("kind", list(VARIANTS))
def test_a_variant_is_another_spelling_and_is_drawn_again_from_its_seed(kind: str):
    one, other = (VARIANTS[kind]("Yekaterina Khokhlova", numpy_generator(3, kind)) for _ in range(2))
    assert one == other != "Yekaterina Khokhlova"
