"""What holds for every declared resource. A new one is tested as soon as it is declared."""

import inspect

import pandas as pd
import pytest
from support.fetching import client_of
from support.rows import page_of

import kismet_nb as kn
from kismet_nb.fetch import FETCHERS
from kismet_nb.fetch.query import Query
from kismet_nb.fetch.table import fetch_table
from kismet_nb.resources import RESOURCES, Column, Resource

FETCHED = [resource for resource in RESOURCES.values() if resource.layout != "part"]
each = pytest.mark.parametrize("resource", FETCHED, ids=lambda resource: resource.name)
REFERENCES = {
    "organization_user_id": ("users", "id"),
    "user_id": ("users", "id"),
    "call_id": ("calls", "id"),
    "waiting_room_id": ("waiting_rooms", "id"),
    "waiting_room_slug": ("waiting_rooms", "slug"),
    "sub_waiting_room_slug": ("waiting_rooms", "slug"),
}


def fetch_resource(resource, client, **options):
    """Call the public function of a resource."""
    days = ("2026-08-01", "2026-11-24") if resource.layout == "maps" else ()
    return getattr(kn, f"fetch_{resource.name}")(*days, client=client, **options)


@pytest.fixture(scope="module")
def tables(demo):
    """Fetch each table of the demo organization once."""
    with kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url) as client:
        tables = {resource.name: fetch_resource(resource, client) for resource in FETCHED}
        tables["participants"] = kn.fetch_calls(participants=True, client=client)[1]
    return tables


def declared(resource):
    """Return the declared dtypes."""
    return {column.name: column.dtype for column in resource.columns}


@each
def test_a_resource_is_exported_and_documented(resource):
    """Its function is public, and the docstring names the endpoint and every column."""
    function = getattr(kn, f"fetch_{resource.name}")

    assert f"fetch_{resource.name}" in kn.__all__
    assert [] == [
        word
        for word in (resource.path, *(f"``{column.name}``" for column in resource.columns))
        if word not in inspect.getdoc(function)
    ]


def test_every_resource_has_a_fetch_function():
    """FETCHERS has each resource that is no part of another one, with its public function."""
    assert {resource.name: getattr(kn, f"fetch_{resource.name}") for resource in FETCHED} == FETCHERS


@pytest.mark.parametrize("name", RESOURCES)
def test_the_demos_rows_fit_the_declaration(tables, name):
    """The table has rows, the declared columns in their order and dtypes, and values where they are not nullable."""
    table = tables[name]

    assert declared(RESOURCES[name]) == table.dtypes.astype(str).to_dict()
    assert len(table) == table.attrs["kismet"]["rows"] > 0
    must = [column.name for column in RESOURCES[name].columns if column.expected and not column.nullable]
    assert [] == [column for column in must if table[column].isna().any()]


@pytest.mark.parametrize("name", RESOURCES)
def test_the_key_is_unique(tables, name):
    """No two rows have the same key."""
    assert not tables[name].duplicated(list(RESOURCES[name].key)).any()


@each
def test_an_empty_table_has_the_same_dtypes(resource):
    """An organization without rows gives the declared columns and dtypes."""

    def nothing(query, _):
        if resource.layout == "maps":
            return {column.name: {} for column in resource.columns}
        envelopes = {page.path: page.envelope for page in RESOURCES.values()}
        return page_of([], query, envelope=envelopes[query.path])

    with client_of(nothing) as client:
        empty = fetch_resource(resource, client)

    assert 0 == len(empty)
    assert declared(resource) == empty.dtypes.astype(str).to_dict()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("name", RESOURCES)
def test_an_export_reads_back(tables, name, suffix, tmp_path):
    """A file gives the same table again, with its provenance."""
    back = kn.read_export(kn.export(tables[name], tmp_path / f"table{suffix}"))

    pd.testing.assert_frame_equal(tables[name], back)
    assert tables[name].attrs == back.attrs


@pytest.mark.parametrize(
    ("name", "column"),
    [(name, column.name) for name, table in RESOURCES.items() for column in table.columns if column.name in REFERENCES],
)
def test_a_reference_resolves_in_the_demo(tables, name, column):
    """A value that refers to another table is found there."""
    table, key = REFERENCES[column]

    assert set(tables[name][column].dropna()) <= set(tables[table][key])


@pytest.mark.parametrize("name", RESOURCES)
def test_describe_is_the_data_dictionary(tables, name):
    """The dictionary has the declared columns and dtypes in order, each with a meaning, by name or by table."""
    words = kn.describe(name)
    pd.testing.assert_frame_equal(words, kn.describe(tables[name]))

    assert list(declared(RESOURCES[name]).items()) == list(zip(words["column"], words["dtype"], strict=True))
    assert words["meaning"].str.len().gt(5).all()


@pytest.mark.parametrize("name", RESOURCES)
def test_pandas_shows_the_data_dictionary_whole(name, monkeypatch):
    """A notebook cuts no text, and a terminal of 120 characters leaves out no column."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("LINES", "40")
    with pd.option_context("display.max_columns", 0):
        shown = repr(kn.describe(name))

    assert "..." not in shown
    assert "..." not in kn.describe(name)._repr_html_()


def test_describe_refuses_an_unknown_table():
    """The error lists the known tables."""
    for unknown in ("nonsense", 7, pd.DataFrame({"a": [1]})):
        with pytest.raises(kn.InvalidInputError, match="users, calls"):
            kn.describe(unknown)


def test_a_declared_resource_works(monkeypatch):
    """One literal gives a complete, typed table of nested lists, with a nested object and a counted list."""
    visits = Resource(
        name="visits",
        path="/clinics/{clinic}/visits",
        envelope="visits",
        key=("clinic", "id"),
        columns=(
            Column("clinic", "str", "Clinic asked for."),
            Column("id", "Int64", "Key."),
            Column("room_name", "str", "Name of the room."),
            Column("note_count", "Int64", "How many notes there are."),
        ),
        opened=("room",),
        counted=(("notes", "note_count"),),
        withheld=("link",),
    )
    monkeypatch.setitem(RESOURCES, "visits", visits)
    rows = [{"id": number, "room": {"name": "A"}, "notes": [{}, {}], "link": "x"} for number in range(45)]

    def answer(query, _):
        return page_of(rows if query.path == "/clinics/a%2Fb/visits" else [], query, envelope="visits")

    with client_of(answer, page_size=10) as client:
        lists = [Query(f"/clinics/{path}/visits", labels=(("clinic", path),)) for path in ("a%2Fb", "c")]
        [table] = fetch_table(client, "visits", lists, progress=False)

    assert {"clinic": "str", "id": "Int64", "room_name": "str", "note_count": "Int64"} == (
        table.dtypes.astype(str).to_dict()
    )
    assert list(range(45)) == table["id"].tolist()
    assert {("A", 2)} == set(zip(table["room_name"], table["note_count"], strict=True))
    assert 4 == len(kn.describe("visits"))
