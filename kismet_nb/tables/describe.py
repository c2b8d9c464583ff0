"""The data dictionary of a table."""

from __future__ import annotations

import pandas as pd

from kismet_nb.errors import InvalidInputError
from kismet_nb.resources import RESOURCES, Column
from kismet_nb.tables.provenance import provenance

__all__ = ["describe"]


def describe(resource: str | pd.DataFrame) -> pd.DataFrame:
    """Return the data dictionary of a table.

    Parameters
    ----------
    resource
        The table's name, such as ``"users"``, or a table of a fetch.

    Returns
    -------
    DataFrame
        One row per column, with ``column``, ``dtype``, ``nullable`` (a missing value is normal), ``personal``
        (``pseudonymize`` replaces it) and ``meaning``, which is short enough for pandas to show it whole. In a
        terminal of fewer than 120 characters, pandas leaves out columns in the middle;
        ``print(describe("users").to_string())`` shows all.

    Raises
    ------
    InvalidInputError
        There is no such table, or the DataFrame was not fetched.

    Examples
    --------
    >>> describe("users")["column"].head(3).tolist()
    ['id', 'email', 'is_admin']
    """
    name = provenance(resource).get("resource") if isinstance(resource, pd.DataFrame) else resource
    if not isinstance(name, str) or name not in RESOURCES:
        problem = "resource is neither the name of a table nor a fetched table"
        if isinstance(name, str):
            problem = f"There is no table {name!r}"
        raise InvalidInputError(f"{problem}. The tables are {', '.join(RESOURCES)}.")

    def describe_column(column: Column) -> dict[str, object]:
        return {
            "column": column.name,
            "dtype": column.dtype,
            "nullable": column.nullable or not column.expected,
            "personal": column.personal,
            "meaning": column.meaning,
        }

    return pd.DataFrame([describe_column(column) for column in RESOURCES[name].columns])
