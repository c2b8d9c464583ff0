"""The formats that export writes."""

import pytest


@pytest.fixture(params=[".csv", ".csv.gz", ".parquet", ".xlsx"])
def suffix(request):
    """Run a test once for every format."""
    return request.param
