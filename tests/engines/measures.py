"""Dtypes and measures of a table's files in several query engines.

The measures of a column are the number of its values and their sum. For texts and lists the lengths are summed, for
booleans the true values, and for times the milliseconds since 1970 plus the hour of the day. The hour shows the time
zone that an engine uses.
"""

import duckdb
import pandas as pd
import polars as pl

import kismet_nb as kn
from kismet_nb.resources import RESOURCES

# Maps declared dtypes to the names of each engine.
TYPES = {
    "pandas": {"str": "string", "object": "object"},
    "polars": {
        "str": "String",
        "Int64": "Int64",
        "Float64": "Float64",
        "boolean": "Boolean",
        "datetime64[us, UTC]": "Datetime(time_unit='us', time_zone='UTC')",
        "datetime64[us]": "Datetime(time_unit='us', time_zone=None)",
        "object": "List(String)",
    },
    "duckdb": {
        "str": "VARCHAR",
        "Int64": "BIGINT",
        "Float64": "DOUBLE",
        "boolean": "BOOLEAN",
        "datetime64[us, UTC]": "TIMESTAMP WITH TIME ZONE",
        "datetime64[us]": "TIMESTAMP",
        "object": "VARCHAR[]",
    },
    "dask": {
        "str": "string",
        "Int64": "int64[pyarrow]",
        "Float64": "double[pyarrow]",
        "boolean": "bool[pyarrow]",
        "datetime64[us, UTC]": "timestamp[us, tz=UTC][pyarrow]",
        "datetime64[us]": "timestamp[us][pyarrow]",
        "object": "list<element: string>[pyarrow]",
    },
    "spark": {
        "str": "string",
        "Int64": "bigint",
        "Float64": "double",
        "boolean": "boolean",
        "datetime64[us, UTC]": "timestamp",
        "datetime64[us]": "timestamp_ntz",
        "object": "array<string>",
    },
}


def declared(table):
    """Return the dtypes of all columns in a table's files."""
    columns = {column.name: column.dtype for column in RESOURCES[table].columns}
    return {"organization": "str", **columns, "rest": "str", "seen_from": "datetime64[us, UTC]"}


def dtypes_in(engine, table):
    """Return the expected dtypes in an engine's own names."""
    return {name: TYPES[engine].get(dtype, dtype) for name, dtype in declared(table).items()}


def read_store_measures(store, table):
    """Return the measures of read_store()'s table, and those of an empty column ``rest``."""
    names = [name for name in declared(table) if name != "rest"]
    frame = kn.read_store(store, table, columns=names)
    return {"rows": len(frame), "rest": [0, 0], **{name: _of_series(frame[name]) for name in names}}


def _of_series(column):
    values = column.dropna()
    if isinstance(values.dtype, pd.DatetimeTZDtype) or values.dtype.kind == "M":
        total = int(values.dt.as_unit("ms").astype("int64").sum() + values.dt.hour.sum())
    elif values.dtype == object or isinstance(values.dtype, pd.StringDtype):
        total = sum(map(len, values))
    else:
        total = values.sum()
    return [len(values), float(total) if isinstance(total, float) else int(total)]


def pandas_measures(files):
    """Return dtypes and measures in pandas."""
    frame = pd.read_parquet(files, dtype_backend="numpy_nullable")
    return (
        {name: str(dtype) for name, dtype in frame.dtypes.items()},
        {"rows": len(frame), **{name: _of_series(frame[name]) for name in frame}},
    )


def polars_measures(files):
    """Return dtypes and measures, computed by Polars."""
    scan = pl.scan_parquet(files)
    schema = scan.collect_schema()
    totals = {}
    for name, dtype in schema.items():
        column = pl.col(name)
        if dtype == pl.Datetime:
            column = column.dt.epoch("ms") + column.dt.hour()
        elif dtype == pl.String:
            column = column.str.len_chars()
        elif dtype == pl.List:
            column = column.list.len()
        totals[name] = column.sum()
    counts = scan.select(pl.all().count()).collect().row(0, named=True)
    sums = scan.select(**totals).collect().row(0, named=True)
    measures = {"rows": scan.select(pl.len()).collect().item(), **{name: [counts[name], sums[name]] for name in counts}}
    return {name: str(dtype) for name, dtype in schema.items()}, measures


def duckdb_measures(files):
    """Return dtypes and measures, computed by DuckDB."""
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        relation = database.read_parquet(files)
        dtypes = dict(zip(relation.columns, map(str, relation.types), strict=True))
        totals = {
            "VARCHAR": "sum(length({}))",
            "VARCHAR[]": "sum(len({}))",
            "BOOLEAN": "count_if({})",
            "TIMESTAMP": "sum(epoch_ms({0}) + hour({0}))",
            "TIMESTAMP WITH TIME ZONE": "sum(epoch_ms({0}) + hour({0}))",
        }
        pieces = [f'count("{name}"), {totals.get(dtype, "sum({})").format(name)}' for name, dtype in dtypes.items()]
        [found] = database.execute(
            f"SELECT count(*), {', '.join(pieces)} FROM read_parquet(?)",
            [files],
        ).fetchall()
    measures = {name: [found[1 + 2 * place], found[2 + 2 * place] or 0] for place, name in enumerate(dtypes)}
    return dtypes, {"rows": found[0], **measures}


def dask_measures(files):
    """Return dtypes and measures, computed by Dask with one partition per file."""
    import dask
    import dask.dataframe as dd

    frame = dd.read_parquet(files, dtype_backend="pyarrow", split_row_groups=False)
    assert frame.npartitions == len(files)
    dtypes = {name: str(dtype) for name, dtype in frame.dtypes.items()}
    numbers = {
        name: frame[name].map_partitions(_numbers, meta=pd.Series(dtype="double[pyarrow]", name=name))
        if dtype.startswith(("timestamp", "list", "string"))
        else frame[name]
        for name, dtype in dtypes.items()
    }
    totals = {name: column.sum() for name, column in numbers.items()}
    rows, counts, totals = dask.compute(frame.shape[0], frame.count(), totals, scheduler="threads")
    return dtypes, {"rows": rows, **{name: [counts[name], totals[name]] for name in dtypes}}


def _numbers(part):
    """Return the numbers to sum for a partition's column, because Dask has no lengths of lists."""
    dtype = str(part.dtype)
    if dtype.startswith("timestamp"):
        return part.dt.as_unit("ms").astype("int64[pyarrow]") + part.dt.hour
    return part.str.len() if dtype == "string" else part.list.len()
