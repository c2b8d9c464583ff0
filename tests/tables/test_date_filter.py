"""The filter by day: both days are included and recorded."""

import datetime as dt

import pandas as pd
import pytest

import kismet_nb as kn
from kismet_nb.tables.date_filter import created_between

FIRST, LAST = dt.date(2026, 2, 1), dt.date(2026, 2, 3)


def table(*times):
    """Return a table of rows that were created at these times."""
    frame = pd.DataFrame({"id": range(len(times)), "created_at": pd.to_datetime([*times], utc=True)})
    frame.attrs["kismet"] = {"resource": "calls", "filters": ["users"], "rows": len(times)}
    return frame


@pytest.mark.parametrize(
    ("first", "last", "ids", "recorded"),
    [
        (FIRST, LAST, [1, 2], "created_at from 2026-02-01 to 2026-02-03 UTC"),
        (FIRST, None, [1, 2, 3], "created_at from 2026-02-01 UTC"),
        (None, LAST, [0, 1, 2], "created_at to 2026-02-03 UTC"),
    ],
)
def test_both_days_are_included_and_recorded(first, last, ids, recorded):
    """Rows from the first to the last moment of the days stay; the table that was passed is unchanged."""
    frame = table("2026-01-31T23:59:59Z", "2026-02-01T00:00:00Z", "2026-02-03T23:59:59Z", "2026-02-04T00:00:00Z")
    kept = created_between(frame, first, last)

    assert ids == kept["id"].tolist()
    assert {"resource": "calls", "filters": ["users", recorded], "rows": len(ids)} == kept.attrs["kismet"]
    assert {"resource": "calls", "filters": ["users"], "rows": 4} == frame.attrs["kismet"]


@pytest.mark.parametrize("created", [["2026-02-01", "not a time"], pd.to_datetime(["2026-02-01", None], utc=True)])
def test_a_row_without_a_time_is_an_error(created):
    """It is not known whether such a row is within the days."""
    with pytest.raises(kn.KismetError, match="cannot be filtered by day"):
        created_between(pd.DataFrame({"created_at": created}), FIRST, LAST)
