"""Table rows: a token a column, what is not known has its own, statistics travel with the weights."""

import numpy as np
import pytest
import torch

from colonnade.core.encoders.table import TableConfig, TableEncoder, statistics
from colonnade.core.errors import ConfigError, FormatError, UnknownName
from colonnade.core.types import Table

CONFIG = TableConfig(width=16, numbers=("age", "size"), categories=("sex", "site"), heads=2, buckets=50, depth=0)
ROW = Table(numbers={"age": 61.0, "size": 8.0}, categories={"sex": "f", "site": "left"})
ROWS = [
    Table(numbers={"age": age, "size": np.nan if age > 65 else age / 10}, categories={"sex": "f"})
    for age in np.linspace(40, 80, 30)
]


def an_encoder(config=CONFIG):
    torch.manual_seed(0)
    return TableEncoder(config).eval()


@torch.no_grad()
def encoded(encoder, row):
    return encoder(*encoder.collate([row])).values[0]


def changed(row, **columns):
    numbers = {name: columns.get(name, value) for name, value in row.numbers.items()}
    return Table(numbers=numbers, categories={name: columns.get(name, value) for name, value in row.categories.items()})


@pytest.mark.parametrize(("column", "value"), [("age", 1.5), ("size", -0.5), ("sex", "m"), ("site", "right")])
def test_a_column_has_a_token_of_its_own(column, value):
    encoder = an_encoder()
    before, after = encoded(encoder, ROW), encoded(encoder, changed(ROW, **{column: value}))
    place = (CONFIG.numbers + CONFIG.categories).index(column)
    differs = (before != after).any(dim=1)
    assert torch.nonzero(differs).flatten().tolist() == [place]


def test_with_blocks_the_columns_read_each_other():
    encoder = an_encoder(TableConfig(width=16, numbers=("age", "size"), heads=2, depth=1))
    row = Table(numbers={"age": 1.0, "size": 1.0})
    assert (encoded(encoder, row) != encoded(encoder, changed(row, age=2.0))).any(dim=1).all()


def test_a_missing_column_is_the_same_as_one_not_known():
    encoder = an_encoder()
    missing = encoded(encoder, Table(categories={"sex": "f"}))
    unknown = Table(numbers={"age": np.nan, "size": np.nan}, categories={"sex": "f", "site": ""})
    assert torch.equal(missing, encoded(encoder, unknown))


def test_not_known_is_neither_zero_nor_the_mean():
    encoder = an_encoder()
    encoder.use(statistics(ROWS, CONFIG))
    unknown = encoded(encoder, changed(ROW, age=np.nan))[0]
    for value in (0.0, 60.0):
        assert not torch.allclose(unknown, encoded(encoder, changed(ROW, age=value))[0], atol=0.1)


def test_statistics_make_the_unit_of_a_column_irrelevant():
    one, other = an_encoder(), an_encoder()
    one.use(statistics(ROWS, CONFIG))
    other.use(statistics([changed(row, age=365 * row.numbers["age"]) for row in ROWS], CONFIG))
    torch.testing.assert_close(encoded(one, ROW), encoded(other, changed(ROW, age=365 * 61.0)), rtol=0, atol=1e-4)


def test_statistics_leave_out_what_is_not_known():
    found = statistics(ROWS, CONFIG)
    known = [row.numbers["size"] for row in ROWS if np.isfinite(row.numbers["size"])]
    np.testing.assert_allclose([found.mean[1], found.scale[1]], [np.mean(known), np.std(known)])
    np.testing.assert_allclose(found.edges[1, [0, -1]] * found.scale[1] + found.mean[1], [min(known), max(known)])


@pytest.mark.parametrize("values", [[], [np.nan], [7.0], [7.0, 7.0, 7.0], [0.0, 0.0, 1.0]])
def test_columns_of_few_values_have_usable_statistics(values):
    config = TableConfig(width=8, numbers=("age",), heads=2)
    encoder = an_encoder(config)
    encoder.use(statistics([Table(numbers={"age": value}) for value in values], config))
    for value in (-1e9, 0.0, 7.0, 1e9):
        assert encoded(encoder, Table(numbers={"age": value})).isfinite().all()


def test_statistics_are_saved_with_the_weights():
    fitted, fresh = an_encoder(), an_encoder()
    fitted.use(statistics(ROWS, CONFIG))
    assert not torch.equal(encoded(fitted, ROW), encoded(fresh, ROW))
    fresh.load_state_dict(fitted.state_dict())
    assert torch.equal(encoded(fitted, ROW), encoded(fresh, ROW))


@pytest.mark.parametrize("features", ["periodic", "piecewise", "both"])
def test_every_kind_of_features_tells_numbers_apart(features):
    config = TableConfig(width=8, numbers=("age",), heads=2, features=features)
    encoder = an_encoder(config)
    one, other = (encoded(encoder, Table(numbers={"age": value})) for value in (0.3, 0.7))
    assert not torch.allclose(one, other, atol=1e-2)


def test_a_category_never_seen_before_is_taken_as_it_is():
    encoder = an_encoder()
    assert encoded(encoder, changed(ROW, site="Fürstenried, 3. Stock")).isfinite().all()


def test_a_column_that_does_not_exist_is_named_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'age'"):
        an_encoder().collate([Table(numbers={"agee": 3.0})])


def test_an_infinite_number_is_refused():
    with pytest.raises(FormatError, match="'age' is infinite"):
        an_encoder().collate([Table(numbers={"age": np.inf})])


@pytest.mark.parametrize("columns", [{}, {"numbers": ("age", "age")}, {"numbers": ("age",), "categories": ("age",)}])
def test_columns_must_be_there_and_named_once(columns):
    with pytest.raises(ConfigError, match="each named once"):
        TableConfig(width=8, **columns)
