from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import InputError
from colonnade.verticals.industrial.maintenance.envelope import evidence, lines_of
from colonnade.verticals.industrial.maintenance.faults import COMBS, fit_faults, numbers_of, pieces
from colonnade.verticals.industrial.maintenance.records import FAULTS, Bearing

from .conftest import struck

ORDERS = Bearing().orders


@pytest.mark.parametrize("part", FAULTS[1:])
def test_the_comb_of_the_struck_part_is_the_tallest(part):
    found = evidence(struck(part), 1750 / 60, ORDERS)
    assert max(COMBS, key=found.__getitem__) == f"{part}, cepstral"


def test_noise_has_no_comb():
    found = evidence(struck("normal"), 1750 / 60, ORDERS)
    assert max(found[name] for name in COMBS) < 2


def test_the_level_of_a_recording_moves_no_comb():
    wave = struck("outer race")
    loud = type(wave)(samples=wave.samples * 37, rate=wave.rate)
    one, other = (evidence(each, 1750 / 60, ORDERS) for each in (wave, loud))
    assert one == pytest.approx(other, abs=1e-3)


def test_a_speed_that_is_one_per_cent_off_still_finds_the_comb():
    right = lines_of(struck("outer race"), 1750 / 60, "cepstral").comb(ORDERS["outer race"]).max()
    off = lines_of(struck("outer race"), 1767 / 60, "cepstral").comb(ORDERS["outer race"]).max()
    wrong = lines_of(struck("outer race"), 2100 / 60, "cepstral").comb(ORDERS["outer race"]).max()
    assert off > 0.8 * right
    assert wrong < 0.6 * right


def test_a_model_of_some_recordings_knows_others():
    rows, labels = [], []
    for seed in range(3):
        for part in FAULTS:
            for piece in pieces(struck(part, seed=seed, seconds=2.5)):
                rows.append(numbers_of(piece, 1750, Bearing(), in_g=True))
                labels.append(part)
    model = fit_faults(rows, labels)
    for part in FAULTS:
        numbers = numbers_of(struck(part, seed=9, rpm=1500), 1500, Bearing(), in_g=True)
        found = model.probabilities(numbers)
        assert max(found, key=found.__getitem__) == part
        assert sum(found.values()) == pytest.approx(1)
        without = model.probabilities({name: value for name, value in numbers.items() if name != "level"})
        assert np.isfinite(list(without.values())).all()


def test_a_folder_without_one_of_the_parts_is_refused():
    rows = [dict.fromkeys(COMBS, 1.0)] * 2
    with pytest.raises(InputError, match="no recording of outer race"):
        fit_faults(rows, ["ball", "inner race"])
