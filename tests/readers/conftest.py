"""Every table of the set, exported in every format."""

import pytest
from readers.tables import derived, fetched

import kismet_nb as kn

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".xlsx")


@pytest.fixture(scope="session")
def tables(demo):
    """Return every table of the set by its name."""
    with kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url) as client:
        found = fetched(client)
    return found | derived(found["users"], found["calls"])


@pytest.fixture(scope="session")
def folder(tables, tmp_path_factory):
    """Return the folder with all tables in all formats."""
    path = tmp_path_factory.mktemp("exports")
    for name, table in tables.items():
        for suffix in SUFFIXES:
            kn.export(table, path / f"{name}{suffix}")
    return path
