"""Random columns of every dtype that a DataFrame can hold, of pandas, NumPy and Arrow."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

UNITS = ("s", "ms", "us", "ns")
ZONES = ("America/New_York", "+05:30")
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=6)
TEXT |= st.sampled_from(["", "=1", "1", "NA", "true", "[]", "2026-01-05"])
TIMES = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)).map(lambda time: time.replace(microsecond=0))
FINE_TIMES = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))
DATES = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
DURATIONS = st.timedeltas(dt.timedelta(days=-9999), dt.timedelta(days=9999)).map(
    lambda time: dt.timedelta(seconds=int(time.total_seconds()))
)
WHOLE = {f"{kind}{bits}": (kind, bits) for kind in ("int", "uint") for bits in (8, 16, 32, 64)}


def integers(kind, bits):
    """Return a strategy for the integers of a type."""
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if kind == "int" else st.integers(0, 2**bits - 1)


def floats(bits):
    """Return a strategy for floats, with infinities."""
    return st.floats(width=bits, allow_nan=False)


def lists_of(values, *, missing=True):
    """Return a strategy for the values of a column."""
    return st.lists(st.none() | values if missing else values, max_size=5)


def arrow_columns(arrow_type, values):
    """Return a strategy for columns of a type of Arrow."""
    return lists_of(values).map(lambda items: pd.Series(pd.array(items, dtype=pd.ArrowDtype(arrow_type))))


def series_of(dtype, values, *, missing=True):
    """Return a strategy for columns of a dtype of pandas or NumPy."""
    return lists_of(values, missing=missing).map(lambda items: pd.Series(items, dtype=dtype))


def times_of(unit, zone):
    """Return a strategy for times of this unit, with a zone or without."""
    values = (
        TIMES if unit == "s" else FINE_TIMES.map(lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000))
    )

    def build(items):
        times = pd.Series(pd.to_datetime(pd.Series(items, dtype=object), utc=bool(zone)))
        times = times.astype(f"datetime64[{unit}, UTC]" if zone else f"datetime64[{unit}]")
        return times.dt.tz_convert(zone) if zone else times

    return lists_of(values).map(build)


def categories_of(values):
    """Return a strategy for categorical columns with these categories, also unused ones."""
    listed = st.lists(values, min_size=1, max_size=4, unique=True)
    return st.tuples(listed, st.booleans(), st.lists(st.integers(-1, 0), max_size=4)).map(
        lambda drawn: pd.Series(
            pd.Categorical.from_codes(drawn[2], categories=pd.Index(drawn[0]), ordered=drawn[1]),
        )
    )


PANDAS = {
    **{name: series_of(name, integers(*size), missing=False) for name, size in WHOLE.items()},
    **{name.replace("i", "I").replace("u", "U"): series_of(name.replace("i", "I").replace("u", "U"), integers(*size)) for name, size in WHOLE.items()},
    **{f"float{bits}": series_of(f"float{bits}", floats(bits)) for bits in (16, 32, 64)},
    **{f"Float{bits}": series_of(f"Float{bits}", floats(bits)) for bits in (32, 64)},
    "bool": series_of("bool", st.booleans(), missing=False),
    "boolean": series_of("boolean", st.booleans()),
    "str": series_of("str", TEXT),
    "string": series_of("string", TEXT),
    "string[python]": series_of("string[python]", TEXT),
    **{f"times in {unit}": times_of(unit, None) for unit in UNITS},
    **{f"times in {unit}, {zone}": times_of(unit, zone) for unit in UNITS for zone in ZONES},
    **{f"timedelta64[{unit}]": series_of(f"timedelta64[{unit}]", DURATIONS) for unit in UNITS},
    **{f"period[{freq}]": series_of(f"period[{freq}]", st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))) for freq in "DWMQY"},
    "period[h]": series_of("period[h]", TIMES),
    "interval": lists_of(st.integers(-9, 9)).map(lambda items: pd.Series(pd.arrays.IntervalArray.from_tuples([(x, x + 1) for x in items if x is not None], dtype="interval[int64, right]"))),
    "interval of floats": lists_of(floats(64).filter(np.isfinite)).map(lambda items: pd.Series(pd.arrays.IntervalArray.from_tuples([None if x is None else (x, x) for x in items], closed="both", dtype="interval[float64, both]"))),
    "interval of times": lists_of(TIMES).map(lambda items: pd.Series(pd.arrays.IntervalArray.from_tuples([None if x is None else (pd.Timestamp(x), pd.Timestamp(x)) for x in items], closed="both", dtype="interval[datetime64[us], both]"))),
    "category of text": categories_of(TEXT),
    "category of integers": categories_of(integers("int", 64)),
    "category of floats": categories_of(floats(64)),
    "category of times": categories_of(TIMES.map(pd.Timestamp)),
    "sparse integers": series_of(pd.SparseDtype("int64", 0), integers("int", 64), missing=False),
    "sparse floats": series_of(pd.SparseDtype("float64"), floats(64)),
    "complex": series_of("complex128", st.complex_numbers(allow_nan=False), missing=False),
    "objects": series_of(object, TEXT | st.booleans() | integers("int", 64) | floats(64) | DATES | st.lists(TEXT, max_size=2) | st.binary(max_size=3) | st.decimals(allow_nan=False)),
    "objects of text": series_of(object, TEXT),
    "objects of lists": series_of(object, st.lists(st.none() | TEXT, max_size=2)),
    "objects of dates": series_of(object, DATES),
    "objects of times": series_of(object, TIMES),
    "objects of integers": series_of(object, st.integers()),
}  # fmt: skip
ARROW = {
    **{name: arrow_columns(getattr(pa, name)(), integers(*size)) for name, size in WHOLE.items()},
    **{f"float{bits}": arrow_columns(getattr(pa, f"float{bits}")(), floats(bits)) for bits in (32, 64)},
    "float16": arrow_columns(pa.float16(), floats(16).map(np.float16)),
    "bool": arrow_columns(pa.bool_(), st.booleans()),
    "null": arrow_columns(pa.null(), st.none()),
    "string": arrow_columns(pa.string(), TEXT),
    "large string": arrow_columns(pa.large_string(), TEXT),
    "string view": arrow_columns(pa.string_view(), TEXT),
    "binary": arrow_columns(pa.binary(), st.binary(max_size=3)),
    "fixed binary": arrow_columns(pa.binary(2), st.binary(min_size=2, max_size=2)),
    "date32": arrow_columns(pa.date32(), DATES),
    "date64": arrow_columns(pa.date64(), DATES),
    "time32": arrow_columns(pa.time32("s"), st.times().map(lambda time: time.replace(microsecond=0))),
    "time64": arrow_columns(pa.time64("us"), st.times()),
    **{f"timestamp[{unit}]": arrow_columns(pa.timestamp(unit), TIMES) for unit in UNITS},
    **{f"timestamp[{unit}, {zone}]": arrow_columns(pa.timestamp(unit, zone), TIMES.map(lambda time: time.replace(tzinfo=dt.UTC))) for unit in UNITS for zone in ZONES},
    **{f"duration[{unit}]": arrow_columns(pa.duration(unit), DURATIONS) for unit in UNITS},
    "decimal": arrow_columns(pa.decimal128(9, 2), st.decimals(-9999, 9999, places=2)),
    "dictionary": arrow_columns(pa.dictionary(pa.int32(), pa.string()), TEXT),
    "list of text": arrow_columns(pa.list_(pa.string()), st.lists(st.none() | TEXT, max_size=2)),
    "large list of integers": arrow_columns(pa.large_list(pa.int64()), st.lists(integers("int", 64), max_size=2)),
    "list of lists": arrow_columns(pa.list_(pa.list_(pa.float64())), st.lists(st.lists(floats(64), max_size=2), max_size=2)),
    "list of times": arrow_columns(pa.list_(pa.timestamp("us")), st.lists(TIMES, max_size=2)),
    "struct": arrow_columns(pa.struct([("a", pa.int64()), ("b", pa.string())]), st.fixed_dictionaries({"a": integers("int", 64), "b": TEXT})),
    "map": arrow_columns(pa.map_(pa.string(), pa.int64()), st.lists(st.tuples(TEXT, integers("int", 64)), max_size=2, unique_by=lambda pair: pair[0])),
}  # fmt: skip
COLUMNS = PANDAS | {f"{name} of Arrow": column for name, column in ARROW.items()}
