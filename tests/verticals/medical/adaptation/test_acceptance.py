from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from colonnade.core.errors import ColonnadeError, FormatError
from colonnade.verticals.medical.adaptation import acceptance
from colonnade.verticals.medical.adaptation.acceptance import (
    Paired,
    frozen,
    judged,
    learnt_by,
    refuse,
    refuse_changed,
    scan_digest,
)
from colonnade.verticals.medical.adaptation.ledger import record
from colonnade.verticals.medical.detection.findings import ALONE, Operating
from colonnade.verticals.medical.evaluate import Outlined, Tally
from colonnade.verticals.medical.layouts.pair import Pair
from colonnade.verticals.medical.metrics import Marked


def tally(found: Sequence[float], false: Sequence[float], *, dice: float = 0.8, size: float = 8.0) -> Tally:
    """One scan: the score of each nodule (-inf: missed) and of each false mark."""
    marks = {ALONE: [Marked(found=np.array(found, float), false=np.array(false, float))]}
    scored = [(float(each), float(each), True) for each in found if np.isfinite(each)]
    scored += [(float(each), float(each), False) for each in false]
    outlined = [Outlined(dice, 1.0, size) for each in found if np.isfinite(each)]
    return Tally(marks=marks, outlined={0.5: outlined}, scored=scored, sizes=[size] * len(found))


def scans(count: int = 12, *, missed: int = 0, dice: float = 0.8, **given: float) -> list[Paired]:
    """`count` patients with two nodules each; the new detector misses the first in `missed` of them."""
    good = [4.0, 3.0]
    return [
        Paired(
            patient=f"p{n}", step=1.25, old=tally(good, [-3.0], **given),
            new=tally([-np.inf, 3.0] if n < missed else good, [-3.0], dice=dice, **given),
        )
        for n in range(count)
    ]  # fmt: skip


def test_an_equal_detector_is_accepted_and_small_groups_are_named() -> None:
    verdict = judged(scans(), Operating(), Operating())
    assert verdict.status == "accepted"
    assert {each.name for each in verdict.compared} == {
        "froc_cpm", "dice", "ece", "froc_cpm, 6 to 10 mm", "dice, 6 to 10 mm", "froc_cpm, slices up to 2.5 mm",
        "dice, slices up to 2.5 mm", "ece, slices up to 2.5 mm",
    }  # fmt: skip
    assert any(each.startswith("0 to 6 mm: 0 nodules") for each in verdict.not_measured)
    refuse(verdict)


@pytest.mark.parametrize(("wrong", "name"), [({"missed": 3}, "froc_cpm"), ({"dice": 0.7}, "dice")])
def test_a_worse_detector_is_refused_with_the_number_and_its_margin(wrong: dict[str, float], name: str) -> None:
    verdict = judged(scans(**wrong), Operating(), Operating())  # type: ignore[arg-type]
    assert verdict.status == "refused"
    with pytest.raises(ColonnadeError, match=rf"nothing was written: on 12 frozen scans with 24 nodules.*{name} .*mar"):
        refuse(verdict)


def test_a_detector_that_may_be_worse_is_refused_though_its_mean_is_within_the_margin() -> None:
    verdict = judged(scans(24, missed=2), Operating(), Operating())
    cpm = verdict.compared[0]
    assert cpm.difference > -cpm.margin
    assert cpm.low < -cpm.margin
    assert verdict.status == "refused"


def test_a_worse_calibration_is_refused() -> None:
    shifted = [
        Paired(
            patient=each.patient, step=each.step, old=each.old, new=tally([4.0, 3.0], [2.0], dice=0.8)
        )
        for each in scans()
    ]  # fmt: skip
    ece = next(each for each in judged(shifted, Operating(), Operating()).compared if each.name == "ece")
    assert not ece.holds
    assert "ece 0." in ece.said()


def test_a_lost_group_is_refused_though_the_whole_holds() -> None:
    """60 large nodules are as before; of 10 small ones three are lost."""
    kept = tally([4.0] * 6, [-3.0], size=12.0)
    large = [Paired(patient=f"l{n}", step=1.0, old=kept, new=kept) for n in range(20)]
    small = [
        Paired(
            patient=f"s{n}", step=1.0, old=tally([4.0], [-3.0], size=5.0),
            new=tally([-np.inf if n < 3 else 4.0], [-3.0], size=5.0),
        )
        for n in range(10)
    ]  # fmt: skip
    found = {each.name: each for each in judged(large + small, Operating(), Operating()).compared}
    assert found["froc_cpm"].difference > -0.05
    assert not found["froc_cpm, 0 to 6 mm"].holds
    assert judged(large + small, Operating(), Operating()).status == "refused"


def test_spheres_alone_leave_dice_unmeasured() -> None:
    bare = scans()
    for each in bare:
        each.old.outlined[0.5] = each.new.outlined[0.5] = []
    verdict = judged(bare, Operating(), Operating())
    assert verdict.status == "accepted"
    assert any(each.startswith("dice") for each in verdict.not_measured)


def test_too_few_scans_are_said_and_never_accepted() -> None:
    verdict = judged(scans(acceptance.LEAST_SCANS - 1), Operating(), Operating())
    assert verdict.status == "not run"
    assert "too few" in verdict.reason


def pair(name: str, **given: str) -> Pair:
    return Pair(name=name, image=Path(f"{name}.nii.gz"), **given)  # type: ignore[arg-type]


def test_the_same_patients_stay_frozen_whatever_the_order_and_what_is_added() -> None:
    pairs = [pair(f"scan {n}", patient=f"patient {n // 2}") for n in range(80)]
    test, rest = frozen(pairs)
    assert 8 <= len({each.whose for each in test}) <= 16
    assert not {each.whose for each in test} & {each.whose for each in rest}
    assert {each.name for each in frozen(pairs[::-1])[0]} == {each.name for each in test}
    more, _ = frozen([*pairs, *(pair(f"new {n}") for n in range(4))])
    assert {each.whose for each in test} <= {each.whose for each in more}


def test_a_named_test_is_the_frozen_one_and_few_scans_are_all_learnt_from() -> None:
    named = [pair(f"{n}", part="test" if n < 3 else "training") for n in range(10)]
    assert [each.name for each in frozen(named)[0]] == ["0", "1", "2"]
    assert frozen([pair(str(n)) for n in range(2 * acceptance.LEAST_SCANS - 1)])[0] == []


def test_a_group_drawn_worse_is_refused_though_the_whole_holds() -> None:
    """60 large nodules are drawn as before; ten small ones far worse."""
    kept = tally([4.0] * 6, [-3.0], size=12.0)
    large = [Paired(patient=f"l{n}", step=1.0, old=kept, new=kept) for n in range(20)]
    small = [
        Paired(
            patient=f"s{n}", step=1.0, old=tally([4.0], [-3.0], size=5.0),
            new=tally([4.0], [-3.0], size=5.0, dice=0.65),
        )
        for n in range(10)
    ]  # fmt: skip
    found = {each.name: each for each in judged(large + small, Operating(), Operating()).compared}
    assert found["dice"].difference > -0.03
    assert not found["dice, 0 to 6 mm"].holds
    assert found["dice, 10 mm and more"].holds


def test_calibration_lost_in_thick_slices_is_refused_though_the_rest_holds() -> None:
    thin = scans(20)
    thick = [
        Paired(patient=f"t{n}", step=5.0, old=each.old, new=tally([4.0, 3.0], [1.0])) for n, each in enumerate(scans(5))
    ]
    found = {each.name: each for each in judged(thin + thick, Operating(), Operating()).compared}
    assert not found["ece, slices of more than 2.5 mm"].holds
    assert found["ece, slices up to 2.5 mm"].holds


def test_whom_an_earlier_fit_learnt_from_tests_no_later_one() -> None:
    pairs = [pair(f"p{n}") for n in range(80)]
    test, _ = frozen(pairs)
    again, rest = frozen(pairs, learnt={test[0].whose})
    assert test[0].whose not in {each.whose for each in again}
    assert test[0].whose in {each.whose for each in rest}
    assert {each.whose for each in test[1:]} <= {each.whose for each in again}
    with pytest.raises(FormatError, match="a cannot be in the test: an earlier fit"):
        frozen([pair("a", part="test"), pair("b")], learnt={"a"})


def test_a_frozen_scan_is_known_by_its_content(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).write_bytes(b"voxels")
    (tmp_path / "label").write_bytes(b"labels")
    one, other = (
        scan_digest(Pair(name=name, image=tmp_path / name, label=tmp_path / "label")) for name in ("one", "other")
    )
    assert one == other, "the name does not matter"
    earlier = [record({"test": {"a": one}, "learnt": ["x", "y"]}, [], key=None)]
    refuse_changed({"a": one, "b": "new"}, earlier, key=None)
    (tmp_path / "label").write_bytes(b"others")
    changed = scan_digest(Pair(name="a", image=tmp_path / "one", label=tmp_path / "label"))
    with pytest.raises(FormatError, match=r"a of the frozen test set changed since"):
        refuse_changed({"a": changed}, earlier, key=None)
    assert learnt_by({"acceptance": earlier}) == {"x", "y"}


def test_a_fit_does_not_go_on_from_records_that_do_not_hold() -> None:
    line = record({"status": "accepted"}, [], key=None)
    with pytest.raises(FormatError, match="do not hold: record 1 was altered"):
        refuse_changed({}, [{**line, "status": "refused"}], key=None)
