"""Random columns of every dtype that a DataFrame can hold, of pandas, NumPy and Arrow."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

ZONES = ("America/New_York", "+05:30")
UNITS = {"s": 10**6, "ms": 10**3, "us": 1, "ns": 1}  # in microseconds
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=6)
TEXT |= st.sampled_from(["", "=1", "1", "NA", "true", "[]", "2026-01-05"])
DATES = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
CLOCK_TIMES = st.times()
WHOLE = {f"{kind}{bits}": (kind, bits) for kind in ("int", "uint") for bits in (8, 16, 32, 64)}


def integers(kind, bits):
    """Return a strategy for the integers of a type."""
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if kind == "int" else st.integers(0, 2**bits - 1)


def floats(bits=64):
    """Return a strategy for floats, with infinities."""
    return st.floats(width=bits, allow_nan=False)


def times(unit="s", zone=None):
    """Return a strategy for times that a unit holds, in a zone or without one."""
    step = UNITS[unit]
    start = pd.Timestamp("1970-01-01", tz="UTC" if zone else None).to_pydatetime()
    steps = st.integers(-(2**53) // step, 2**53 // step)  # from 1684 to 2255
    return steps.map(lambda number: start + dt.timedelta(microseconds=number * step))


def durations(unit):
    """Return a strategy for durations that a unit holds."""
    return st.integers(-(10**6), 10**6).map(lambda number: dt.timedelta(microseconds=number * UNITS[unit]))


def column(dtype, values, *, missing=True):
    """Return a strategy for columns of a dtype of pandas or NumPy."""
    drawn = st.lists(st.none() | values if missing else values, max_size=5)
    return drawn.map(lambda items: pd.Series(items, dtype=dtype))


def arrow(arrow_type, values):
    """Return a strategy for columns of a type of Arrow."""
    drawn = st.lists(st.none() | values, max_size=5)
    return drawn.map(lambda items: pd.Series(pd.array(items, dtype=pd.ArrowDtype(arrow_type))))


def zoned(unit, zone):
    """Return a strategy for columns of times in a zone."""
    return column(f"datetime64[{unit}, UTC]", times(unit, zone)).map(lambda drawn: drawn.dt.tz_convert(zone))


def categories(values):
    """Return a strategy for categorical columns, also with unused categories."""
    return st.tuples(st.lists(values, min_size=1, max_size=4, unique=True), st.booleans(), st.lists(st.integers(-1, 0)))


def categorical(drawn):
    """Return a categorical column of listed categories, whether they are ordered, and the codes of the rows."""
    listed, ordered, codes = drawn
    return pd.Series(pd.Categorical.from_codes(codes, categories=pd.Index(listed), ordered=ordered))


def intervals(subtype, values):
    """Return a strategy for intervals, each from a value to the same value."""
    dtype = pd.IntervalDtype(subtype, closed="both")
    pairs = st.lists(st.none() | values.map(lambda value: (value, value)), max_size=5)
    return pairs.map(lambda items: pd.Series(pd.arrays.IntervalArray.from_tuples(items, "both", dtype=dtype)))


INTEGERS = integers("int", 64)
DECIMALS = st.decimals(allow_nan=False)
ANYTHING = TEXT | st.booleans() | INTEGERS | floats() | DATES | st.lists(TEXT) | st.binary(max_size=3) | DECIMALS
PANDAS = {
    **{name: column(name, integers(*size), missing=False) for name, size in WHOLE.items()},
    **{name: column(name, integers("int", 8)) for name in ("Int8", "Int16", "Int32")},
    **{name: column(name, integers("uint", 8)) for name in ("UInt8", "UInt16", "UInt32")},
    "Int64": column("Int64", INTEGERS),
    "UInt64": column("UInt64", integers("uint", 64)),
    **{f"float{bits}": column(f"float{bits}", floats(bits)) for bits in (16, 32, 64)},
    **{f"Float{bits}": column(f"Float{bits}", floats(bits)) for bits in (32, 64)},
    "bool": column("bool", st.booleans(), missing=False),
    "boolean": column("boolean", st.booleans()),
    **{name: column(name, TEXT) for name in ("str", "string", "string[python]")},
    **{f"datetime64[{unit}]": column(f"datetime64[{unit}]", times(unit)) for unit in UNITS},
    **{f"datetime64[{unit}, {zone}]": zoned(unit, zone) for unit in UNITS for zone in ZONES},
    **{f"timedelta64[{unit}]": column(f"timedelta64[{unit}]", durations(unit)) for unit in UNITS},
    **{f"period[{frequency}]": column(f"period[{frequency}]", times()) for frequency in ("h", "D", "W", "M", "Q", "Y")},
    "intervals of integers": column("int64", integers("int", 32), missing=False).map(
        lambda drawn: pd.cut(drawn, [0, 9])
    ),
    "intervals of floats": intervals("float64", floats().filter(np.isfinite)),
    "intervals of times": intervals("datetime64[us]", times().map(pd.Timestamp)),
    "categories of text": categories(TEXT).map(categorical),
    "categories of integers": categories(INTEGERS).map(categorical),
    "categories of floats": categories(floats()).map(categorical),
    "categories of times": categories(times().map(pd.Timestamp)).map(categorical),
    "sparse integers": column(pd.SparseDtype("int64", 0), INTEGERS, missing=False),
    "sparse floats": column(pd.SparseDtype("float64"), floats()),
    "complex": column("complex128", st.complex_numbers(allow_nan=False), missing=False),
    "objects": column(object, ANYTHING),
    "texts as objects": column(object, TEXT),
    "lists as objects": column(object, st.lists(st.none() | TEXT, max_size=2)),
    "dates as objects": column(object, DATES),
    "times as objects": column(object, times("us")),
    "integers as objects": column(object, st.integers()),
}
ARROW = {
    **{name: arrow(getattr(pa, name)(), integers(*size)) for name, size in WHOLE.items()},
    "float16": arrow(pa.float16(), floats(16).map(np.float16)),
    "float32": arrow(pa.float32(), floats(32)),
    "float64": arrow(pa.float64(), floats()),
    "bool": arrow(pa.bool_(), st.booleans()),
    "null": arrow(pa.null(), st.none()),
    **{str(text): arrow(text, TEXT) for text in (pa.string(), pa.large_string(), pa.string_view())},
    "binary": arrow(pa.binary(), st.binary(max_size=3)),
    "fixed binary": arrow(pa.binary(2), st.binary(min_size=2, max_size=2)),
    "date32": arrow(pa.date32(), DATES),
    "date64": arrow(pa.date64(), DATES),
    "time32": arrow(pa.time32("s"), CLOCK_TIMES.map(lambda time: time.replace(microsecond=0))),
    "time64": arrow(pa.time64("us"), CLOCK_TIMES),
    **{f"timestamp[{unit}]": arrow(pa.timestamp(unit), times(unit)) for unit in UNITS},
    **{
        f"timestamp[{unit}, {zone}]": arrow(pa.timestamp(unit, zone), times(unit, zone))
        for unit in UNITS
        for zone in ZONES
    },
    **{f"duration[{unit}]": arrow(pa.duration(unit), durations(unit)) for unit in UNITS},
    "decimal": arrow(pa.decimal128(9, 2), st.decimals(-9999, 9999, places=2)),
    "dictionary": arrow(pa.dictionary(pa.int32(), pa.string()), TEXT),
    "list of text": arrow(pa.list_(pa.string()), st.lists(st.none() | TEXT, max_size=2)),
    "large list of integers": arrow(pa.large_list(pa.int64()), st.lists(INTEGERS, max_size=2)),
    "list of lists": arrow(pa.list_(pa.list_(pa.float64())), st.lists(st.lists(floats(), max_size=2), max_size=2)),
    "list of times": arrow(pa.list_(pa.timestamp("us")), st.lists(times("us"), max_size=2)),
    "struct": arrow(
        pa.struct([("a", pa.int64()), ("b", pa.string())]), st.fixed_dictionaries({"a": INTEGERS, "b": TEXT})
    ),
    "map": arrow(
        pa.map_(pa.string(), pa.int64()),
        st.dictionaries(TEXT, INTEGERS, max_size=2).map(lambda items: list(items.items())),
    ),
}
COLUMNS = PANDAS | {f"{name} of Arrow": strategy for name, strategy in ARROW.items()}
