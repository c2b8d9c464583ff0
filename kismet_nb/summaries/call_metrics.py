"""Summaries of call metrics: combine daily means to longer periods, weighted by calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from kismet_nb.errors import InvalidInputError
from kismet_nb.summaries.arguments import check_coarse_times, check_table
from kismet_nb.summaries.columns import to_ids, to_numbers
from kismet_nb.summaries.periods import DAY_DTYPE, check_period, period_starts, to_days
from kismet_nb.tables.provenance import set_sources, sources

if TYPE_CHECKING:
    from kismet_nb.summaries.periods import Period

__all__ = ["combine_days", "fail_rate", "wait_and_duration"]

_MEANS = ("average_duration", "call_fail_rate", "average_wait_time")


def combine_days(
    metrics: pd.DataFrame, *, by: Period | Literal["all"] = "week", per_user: bool = False
) -> pd.DataFrame:
    """Return daily metrics combined to weeks, months, years or one range, weighted by calls.

    In a mean of daily means, a day with one call would have the weight of a day with a hundred. So each day is weighted
    by its ``total_calls``. For the same reason, do not take the mean of the result; ``by="all"`` combines all days.

    A day is left out of a mean if its ``total_calls`` is 0 or missing, or if its average is missing. The API does not
    document whether its averages include failed calls, so the weights may be slightly too large.

    Parameters
    ----------
    metrics
        A table of ``fetch_call_metrics``, for the whole organization or by user.
    by
        ``"day"`` (which combines the users of a day), ``"week"``, ``"month"``, ``"year"``, or ``"all"`` for the whole
        range in one row.
    per_user
        Return a row for each user and period.

    Returns
    -------
    DataFrame
        One row per period with data:

        ``week`` (or the period of ``by``) datetime64[us]
            The first day of the period. The API does not document the time zone of its days.
        ``first_day``, ``last_day`` datetime64[us]
            The first and the last day with data. Only with ``by="all"``, instead of the period.
        ``user_id`` Int64, or str if some are not integers
            Only with ``per_user``.
        ``days`` Int64
            The number of days with data. Missing if ``pseudonymize`` made the dates coarser than days.
        ``total_calls`` Int64
            The sum over the days.
        ``average_duration``, ``average_wait_time`` Float64
            Seconds.
        ``call_fail_rate`` Float64
            In the unit of the API: see ``fail_rate``.

    Raises
    ------
    InvalidInputError
        The table is of another resource or lacks a column, has rows both of users and of the whole organization (whose
        calls would count twice), or there is no such period.

    Examples
    --------
    >>> metrics = pd.DataFrame({"user_id": pd.array([None, None], "Int64"),
    ...     "date": pd.to_datetime(["2026-02-02", "2026-02-03"]), "total_calls": [9, 1],
    ...     "average_duration": [600.0, 900.0], "call_fail_rate": [0.0, 1.0], "average_wait_time": [10.0, 60.0]})
    >>> combine_days(metrics)[["days", "total_calls", "average_duration", "average_wait_time"]]
       days  total_calls  average_duration  average_wait_time
    0     2           10             630.0               15.0
    """
    check_period(by, "all")
    metrics = check_table(metrics, "call_metrics", "user_id", "date", "total_calls", *_MEANS)
    check_coarse_times(metrics, metrics["date"], by)
    if metrics["user_id"].isna().any() and metrics["user_id"].notna().any():
        raise InvalidInputError(
            "metrics has rows of users and rows of the whole organization, so calls would count twice. "
            "Pass only one kind, for example metrics[metrics['user_id'].isna()] for the organization."
        )
    calls = to_numbers(metrics["total_calls"])
    days = to_days(metrics["date"])
    period = pd.Series(0, metrics.index) if by == "all" else period_starts(days, by)
    keys: list[pd.Series[Any]] = [period.rename(by)]
    if per_user:
        keys.append(to_ids(metrics["user_id"]))
    combined = {
        "first_day": days[calls.notna()].groupby(keys, dropna=False).min(),
        "last_day": days[calls.notna()].groupby(keys, dropna=False).max(),
        "days": days[calls.notna()].groupby(keys, dropna=False).nunique(),
        "total_calls": calls.groupby(keys, dropna=False).sum(min_count=1),
    }
    for name in _MEANS:
        values = to_numbers(metrics[name])
        weights = calls.where((calls > 0) & values.notna())
        total_weight = weights.groupby(keys, dropna=False).sum(min_count=1)
        combined[name] = (values * weights).groupby(keys, dropna=False).sum(min_count=1) / total_weight
    table = pd.DataFrame(combined).sort_index().reset_index()
    table["days"] = table["days"].fillna(0)
    if any(source.get("coarse_times", "day") != "day" for source in sources(metrics)):
        table["days"] = pd.NA  # only the first day of a longer unit is left
    dtypes = dict.fromkeys(_period_columns(by), DAY_DTYPE) | {"days": "Int64", "total_calls": "Int64"}
    dtypes |= dict.fromkeys(_MEANS, "Float64")
    names = [*_period_columns(by), *(["user_id"] if per_user else []), "days", "total_calls", *_MEANS]
    return set_sources(table[names].astype(dtypes), metrics)


def _period_columns(by: Period | Literal["all"]) -> list[str]:
    return ["first_day", "last_day"] if by == "all" else [by]


def wait_and_duration(metrics: pd.DataFrame, *, by: Period | Literal["all"] = "day") -> pd.DataFrame:
    """Return the mean wait time and the mean duration of calls.

    Days are combined, and averages weighted by calls, as in ``combine_days``.

    Parameters
    ----------
    metrics
        A table of ``fetch_call_metrics``.
    by
        ``"day"``, ``"week"``, ``"month"``, ``"year"`` or ``"all"``.

    Returns
    -------
    DataFrame
        The columns of ``combine_days``, except ``call_fail_rate``: the period, ``days``, ``total_calls``,
        ``average_wait_time`` and ``average_duration``.

    Raises
    ------
    InvalidInputError
        As in ``combine_days``.

    Examples
    --------
    >>> metrics = pd.DataFrame({"user_id": pd.array([None], "Int64"), "date": pd.to_datetime(["2026-02-02"]),
    ...     "total_calls": [9], "average_duration": [600.0], "call_fail_rate": [0.0], "average_wait_time": [10.0]})
    >>> wait_and_duration(metrics)["average_wait_time"].tolist()
    [10.0]
    """
    names = [*_period_columns(by), "days", "total_calls", "average_wait_time", "average_duration"]
    return combine_days(metrics, by=by)[names]


def fail_rate(
    metrics: pd.DataFrame, *, unit: Literal["fraction", "percent"], by: Period | Literal["all"] = "day"
) -> pd.DataFrame:
    """Return the call failure rate in percent.

    The API's documentation contradicts itself about the unit of ``call_fail_rate``: it gives the range 0 to 100, but
    reads 0.125 as 12.5 percent. So ``unit`` has no default. If the rate times ``total_calls`` is a whole number on
    every day, the unit is a fraction, and ``"percent"`` is refused.

    Parameters
    ----------
    metrics
        A table of ``fetch_call_metrics``.
    unit
        The unit that the server sends: ``"fraction"`` (0 to 1) or ``"percent"`` (0 to 100).
    by
        ``"day"``, ``"week"``, ``"month"``, ``"year"`` or ``"all"``; weighted by calls, as in ``combine_days``.

    Returns
    -------
    DataFrame
        The columns of ``combine_days`` for the period, ``days`` and ``total_calls``, and ``fail_rate_percent``
        (Float64, 0 to 100).

    Raises
    ------
    InvalidInputError
        ``unit`` is neither of the two, or the rates do not fit it; otherwise as in ``combine_days``.

    Examples
    --------
    >>> metrics = pd.DataFrame({"user_id": pd.array([None], "Int64"), "date": pd.to_datetime(["2026-02-02"]),
    ...     "total_calls": [8], "average_duration": [600.0], "call_fail_rate": [0.125], "average_wait_time": [10.0]})
    >>> fail_rate(metrics, unit="fraction")["fail_rate_percent"].tolist()
    [12.5]
    """
    largest = {"fraction": 1, "percent": 100}.get(unit)
    if largest is None:
        raise InvalidInputError('unit must be "fraction" or "percent", because the API does not document its unit.')
    metrics = check_table(metrics, "call_metrics", "call_fail_rate", "total_calls")
    rates = to_numbers(metrics["call_fail_rate"])
    if not rates.dropna().between(0, largest).all():
        raise InvalidInputError(f'Some rates are below 0 or above {largest}, so their unit is not "{unit}".')
    failed = rates * to_numbers(metrics["total_calls"])
    if unit == "percent" and _all_whole(failed) and not _all_whole(failed / 100):
        raise InvalidInputError(
            'Every rate times total_calls is a whole number of calls, so the unit is "fraction", not "percent".'
        )
    table = combine_days(metrics, by=by)
    table["fail_rate_percent"] = table["call_fail_rate"] * (100 / largest)
    return table[[*_period_columns(by), "days", "total_calls", "fail_rate_percent"]]


def _all_whole(numbers: pd.Series[Any]) -> bool:
    return bool((numbers - numbers.round()).dropna().abs().lt(1e-6).all())
