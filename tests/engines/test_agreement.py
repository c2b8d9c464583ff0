"""Query engines without this package read the same data from a store of several organizations as read_store()."""

import pytest
from engines import measures
from engines.conftest import ORGANIZATIONS

import kismet_nb as kn
from kismet_nb.resources import RESOURCES

engines = [pytest.mark.engines, pytest.mark.slow]
dask = [*engines, pytest.mark.filterwarnings("ignore:The inplace keyword:pandas.errors.Pandas4Warning")]
ENGINES = ["pandas", "polars", "duckdb", pytest.param("dask", marks=dask), pytest.param("spark", marks=engines)]


@pytest.fixture
def found(request, store):
    """Return a function that returns an engine's dtypes and measures of a table."""

    def found(engine, table):
        if engine == "spark":
            return request.getfixturevalue("spark_found")[table]
        files = [str(file) for file in kn.store_files(store, table)]
        return getattr(measures, f"{engine}_measures")(files)

    return found


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("table", RESOURCES)
def test_an_engine_agrees_with_read_store(store, found, engine, table):
    """Rows, columns, dtypes, missing values, sums and the time zone are the same."""
    dtypes, numbers = found(engine, table)

    assert measures.dtypes_in(engine, table) == dtypes
    expected = measures.read_store_measures(store, table)
    assert expected["rows"] == numbers["rows"] > 0
    assert expected["organization"][1] == sum(
        len(name) * len(kn.read_store(store, table, organizations=name)) for name in ORGANIZATIONS
    )
    for column, measured in expected.items():
        assert measured == pytest.approx(numbers[column], rel=1e-12), column
