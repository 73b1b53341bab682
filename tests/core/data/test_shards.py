"""Records in shards are what was written, in a drawn order that ranks share without overlap, and copy nothing."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colonnade.core.data.batches import Batches
from colonnade.core.data.shards import INDEX, Shards, write_shards
from colonnade.core.errors import FileError, FormatError


def records(count: int = 53) -> list[dict[str, Any]]:
    generator = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for number in range(count):
        row: dict[str, Any] = {
            "number": np.array(number),
            "series": generator.normal(size=(number % 5, 3)).astype("f4"),
        }
        if number % 3:
            row["image"] = generator.integers(0, 255, (4, 4), dtype=np.uint8)
        rows.append(row)
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shards(iter(records()), tmp_path_factory.mktemp("set") / "shards", rows=10)


def test_records_come_back_with_their_lengths_and_gaps(folder: Path) -> None:
    shards = Shards(folder)
    assert len(shards) == 53
    for wanted, found in zip(records(), shards, strict=True):
        assert found.keys() == wanted.keys()
        for name, value in wanted.items():
            assert found[name].dtype == value.dtype
            np.testing.assert_array_equal(found[name], np.atleast_1d(value))
    assert int(shards[-1]["number"][0]) == 52
    with pytest.raises(IndexError):
        shards[53]


def test_arrays_are_views_of_the_mapped_file_that_nobody_can_write(folder: Path) -> None:
    value = Shards(folder)[13]["image"]
    base: Any = value
    while isinstance(base, np.ndarray) and type(base.base).__name__ != "mmap":
        base = base.base
    assert isinstance(base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        value[0, 0] = 1


def test_an_epoch_has_every_row_once_in_an_order_that_can_be_replayed(folder: Path) -> None:
    shards = Shards(folder)
    first = shards.order(0, seed=4, window=2)
    assert sorted(first) == list(range(53))
    assert (first == Shards(folder).order(0, seed=4, window=2)).all()
    assert (first != shards.order(1, seed=4, window=2)).any()
    assert (first != shards.order(0, seed=5, window=2)).any()
    for start in range(0, 40, 20):  # two shards of ten rows are used up before others are opened
        assert len({row // 10 for row in first[start : start + 20]} - {5}) <= 3


def test_ranks_share_the_batches_without_overlap_in_the_order_of_one(folder: Path) -> None:
    def numbers(rows: list[Any]) -> list[int]:
        return [int(row["number"][0]) for row in rows]

    alone = list(Batches(Shards(folder), numbers, size=8, seed=1)(0))
    ranks = [list(Batches(Shards(folder), numbers, size=8, seed=1, part=(rank, 2))(0)) for rank in range(2)]
    for whole, *parts in zip(alone, *ranks, strict=True):
        assert [whole[rank::2][: len(part)] for rank, part in enumerate(parts)] == parts
        assert not set(parts[0]) & set(parts[1])
    assert sum(len(batch) for rank in ranks for batch in rank) == 52  # of 53, as many on each


def test_another_process_maps_the_shards_for_itself(folder: Path) -> None:
    shards = Shards(folder)
    shards[0]
    assert len(pickle.dumps(shards)) < 1000
    assert pickle.loads(pickle.dumps(shards))[7]["number"] == 7  # noqa: S301


def test_what_is_not_whole_is_refused(tmp_path: Path) -> None:
    place = write_shards(records(20), tmp_path / "shards", rows=10)
    torn = place / "00001.safetensors"
    torn.write_bytes(torn.read_bytes()[:-9])
    assert int(Shards(place)[9]["number"][0]) == 9
    with pytest.raises(FormatError, match=r"00001\.safetensors is not a whole shard"):
        Shards(place)[10]
    (place / INDEX).write_text("{}")
    with pytest.raises(FormatError, match="has no index of shards"):
        Shards(place)
    with pytest.raises(FileError, match="no file or folder"):
        Shards(tmp_path / "nowhere")


def test_a_set_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no records"):
        write_shards([], tmp_path / "a")
    with pytest.raises(FormatError, match="x of record 3 is float64 with rows of"):
        write_shards([{"x": np.zeros((2, 3))}] * 3 + [{"x": np.zeros((2, 4))}], tmp_path / "a", rows=2)
    assert list(tmp_path.iterdir()) == []
