"""Convert tables to literals that JSON holds exactly, so that expected values do not depend on our readers."""

import pandas as pd


def to_literals(frame):
    """Return columns, dtypes, values and ``attrs`` of a table as plain Python values."""
    return {
        "columns": {
            str(name): {"dtype": str(column.dtype), "values": [_literal(value) for value in column.tolist()]}
            for name, column in frame.items()
        },
        "attrs": frame.attrs,
    }


def _literal(value):
    if isinstance(value, list | dict):
        return value
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    # JSON and == both lose the sign of a zero.
    return repr(value) if isinstance(value, float) else value
