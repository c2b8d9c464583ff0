"""calls_pivot(): a row for each provider, a column for each period, and totals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb.summaries.arguments import check_table
from kismet_nb.summaries.calls import calls_per_period
from kismet_nb.summaries.columns import comparable_ids, names_of
from kismet_nb.summaries.known_calls import check_all_calls, known_days_per_period
from kismet_nb.summaries.periods import period_index
from kismet_nb.tables.provenance import set_sources

if TYPE_CHECKING:
    from kismet_nb.summaries.periods import Day, Period

__all__ = ["calls_pivot"]

_TOTAL = "total"
_UNDATED = "no date"


def calls_pivot(
    calls: pd.DataFrame,
    users: pd.DataFrame,
    *,
    by: Period = "month",
    start: Day = None,
    end: Day = None,
    tz: str = "UTC",
) -> pd.DataFrame:
    """Return a pivot of the number of calls by provider and month, with totals, including providers without calls.

    ``kn.export`` writes it to a workbook, with the totals in bold and outside the filter.

    Parameters
    ----------
    calls
        A table of ``fetch_calls``, of all these users.
    users
        A table of ``fetch_users``. Every user in it has a row, so filter it first if some are not providers.
    by, start, end, tz
        As in ``calls_per_period``.

    Returns
    -------
    DataFrame
        One row for each provider, the one with the most calls first, and a last row ``"total"``. The index levels are
        ``display_name`` (str) and ``organization_user_id`` (Int64, or str if some are not integers). The name is
        missing if the provider is not in ``users``; the id is missing too for calls without a provider.

        The columns are the periods (``pandas.Period``) and ``"total"``, all Int64. If some calls have no readable time
        and no range is given, there is also a column ``"no date"``. The values of a period are missing if none of its
        days is known (see ``days`` in ``calls_per_period``). A total counts the known calls.

    Raises
    ------
    InvalidInputError
        ``calls`` has not all calls of these users; otherwise as in ``calls_per_period``.

    Examples
    --------
    >>> users = pd.DataFrame({"id": [11, 12], "display_name": ["Ada Ferris", "Dee Park"]})
    >>> calls = pd.DataFrame({"organization_user_id": pd.array([11, 11], "Int64"),
    ...     "created_at": pd.to_datetime(["2026-02-03T15:00Z", "2026-03-11T15:00Z"])})
    >>> calls_pivot(calls, users).droplevel("organization_user_id").rename_axis(index=None)
                2026-02  2026-03  total
    Ada Ferris        1        1      2
    Dee Park          0        0      0
    total             1        1      2
    """
    users = check_table(users, "users", "id", "display_name")
    counts = calls_per_period(calls, by=by, start=start, end=end, tz=tz)
    calls = check_table(calls, "calls", "organization_user_id", "created_at")
    check_all_calls(calls, users["id"].nunique(), default=len(users))
    known = known_days_per_period(calls, by=by, start=start, end=end, tz=tz)

    ids, callers = comparable_ids(users["id"], counts["organization_user_id"])
    # Rows get numbers, because pandas would drop or match missing ids.
    codes, rows = pd.factorize(pd.concat([ids, callers], ignore_index=True), use_na_sentinel=False)
    numbered = counts.assign(row=codes[len(ids) :])
    dated = numbered.dropna(subset=[by])
    table = dated.set_index(["row", by])["calls"].unstack(by)
    table = table.reindex(index=range(len(rows)), columns=known[by]).astype("Int64").fillna(0)
    for unknown in known.loc[known["days"] == 0, by]:
        table[unknown] = pd.Series(pd.NA, table.index, dtype="Int64")
    labels: list[Any] = list(period_index(known[by], by))
    undated = numbered[numbered[by].isna()].groupby("row")["calls"].sum()
    if len(undated):
        table[_UNDATED] = undated.reindex(table.index, fill_value=0)
        labels.append(_UNDATED)
    table.columns = pd.Index([*labels], dtype=object)
    return set_sources(_with_totals(table, pd.Series(rows, dtype=ids.dtype), users), calls, users)


def _with_totals(table: pd.DataFrame, ids: pd.Series[Any], users: pd.DataFrame) -> pd.DataFrame:
    """Return the table with its index, the provider with the most calls first, and a row and a column of totals."""
    table[_TOTAL] = table.sum(axis=1, min_count=1).astype("Int64")
    rows = pd.DataFrame({"display_name": names_of(ids, users), "organization_user_id": ids, "n": table[_TOTAL]})
    rows = rows.sort_values(["n", "display_name"], ascending=[False, True], kind="stable")
    table = table.loc[rows.index]
    if len(table):
        table.loc[len(table)] = table.sum(min_count=1)
        rows = pd.concat([rows, pd.DataFrame({"display_name": [_TOTAL]})])
    dtypes = {"display_name": "str", "organization_user_id": ids.dtype}
    table.index = pd.MultiIndex.from_frame(rows[list(dtypes)].astype(dtypes))
    return table.astype("Int64")
