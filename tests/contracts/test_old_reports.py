"""Copies of the report's notebook from earlier versions still make a report."""

import datetime as dt
import re
from pathlib import Path

import pytest

import kismet_nb as kn
from kismet_nb.reports import report_period

OLD = sorted((Path(__file__).parent / "old_reports").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("notebook", OLD, ids=lambda path: path.stem)
def test_an_old_copy_of_the_notebook_still_makes_a_report(notebook, demo):
    """It uses the login of this notebook. Options that are newer than the copy take effect."""
    kn.login(kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url))
    day = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=92)  # in the quarter before this one
    quarter = f"{day.year}-Q{(day.month + 2) // 3}"
    _, end = report_period(quarter=quarter)
    kn.report("r.html", notebook=notebook, quarter=quarter, title="Our quarter", fail_rate_unit="fraction")
    page = Path("r.html").read_text()

    assert "<title>Our quarter</title>" in page
    assert f"to the end of {end.day} {end:%B %Y}" in page
    assert re.search(r"<strong>[\d,]{3,}</strong> calls<", page)
    assert 9 == page.count("<svg")
