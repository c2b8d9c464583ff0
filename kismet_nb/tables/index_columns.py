"""The columns of a table, including an index that holds data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["columns_with_index"]


def columns_with_index(df: pd.DataFrame) -> list[tuple[Hashable, pd.Series[Any]]]:
    """Return the columns of a table with their names, after the levels of its index.

    An unnamed index of integers only numbers the rows and is left out. Other unnamed levels have the names that
    ``reset_index`` gives them.

    Examples
    --------
    >>> table = pd.DataFrame({"user": ["a", "b"], "calls": [1, 2]}).set_index("user")
    >>> [name for name, _ in columns_with_index(table)]
    ['user', 'calls']
    """
    columns: list[tuple[Hashable, pd.Series[Any]]] = []
    index = df.index
    if index.nlevels > 1 or index.name is not None or not pd.api.types.is_integer_dtype(index.dtype):
        for level, name in enumerate(index.names):
            default = "index" if index.nlevels == 1 else f"level_{level}"
            columns.append((default if name is None else name, pd.Series(index.get_level_values(level))))
    columns += [(name, df.iloc[:, position]) for position, name in enumerate(df.columns)]
    return columns
