"""The unit of failure rates, found from the numbers."""

import pandas as pd
import pytest

import kismet_nb as kn
from kismet_nb.reports import find_fail_rate_unit


def daily(*rates, calls=8):
    """Return a table of call metrics with these failure rates."""
    return pd.DataFrame(
        {
            "user_id": pd.array([None] * len(rates), "Int64"),
            "date": pd.date_range("2026-02-02", periods=len(rates)),
            "total_calls": calls,
            "average_duration": 600.0,
            "call_fail_rate": list(rates),
            "average_wait_time": 10.0,
        }
    )


@pytest.mark.parametrize(
    ("rates", "unit"),
    [
        ([0.125, 0.5, 0.0], "fraction"),  # whole numbers of calls
        ([12.5, 0.0], "percent"),  # more than all calls
        ([0.0, 0.0], "fraction"),  # equal in both units
        ([0.13, 0.4], None),  # rounded: either unit is possible
        ([None, None], None),
        ([130.0], None),  # neither
        ([], None),
    ],
)
def test_the_unit_is_the_only_possible_one(rates, unit):
    """If the numbers fit both units or neither, it is unknown."""
    assert unit == find_fail_rate_unit(daily(*rates))


def test_another_table_is_refused():
    """A table of another resource is an error."""
    with pytest.raises(kn.InvalidInputError, match="call metrics"):
        find_fail_rate_unit(pd.DataFrame({"id": [1]}))
