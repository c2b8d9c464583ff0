"""SQL over a store: views, history, dtypes, and refused queries."""

import datetime as dt
import os
import signal
import sys
import threading
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from store.clinic import moment, versions
from support.rows import user

import kismet_nb as kn
from kismet_nb.resources import RESOURCES
from kismet_nb.store import sql as module

SECRET_FILE = "outside-the-store"
OTHER_TABLES = ["users", "egresses", "call_metrics", "waiting_room_subs", "invites", "roles"]


@pytest.fixture
def synced(clinic):
    """Return a clinic after two syncs: user 1 was changed, user 2 removed, user 3 added."""
    clinic.sync()
    clinic.users = [user(1, display_name="Ada"), user(3)]
    clinic.sync()
    return clinic


def test_every_table_equals_read_store(client):
    """Values, dtypes and order of columns are the same; a view adds ``rest`` and ``seen_from``."""
    kn.sync("store", OTHER_TABLES, organization="clinic-a", client=client, participants=True)
    kn.sync("store", "users", organization="clinic-b", client=client)
    for name in [*RESOURCES, "lists"]:
        stored, found = kn.read_store("store", name), kn.sql("store", f"SELECT * FROM {name}")

        pd.testing.assert_frame_equal(stored, found.drop(columns=["rest", "seen_from"], errors="ignore"), obj=name)
        assert len(found) > 0


def test_the_history_equals_read_store(synced):
    """It has changed and removed rows."""
    stored = kn.read_store("store", "users", history=True)
    found = kn.sql("store", "SELECT * EXCLUDE (rest) FROM users_history")

    pd.testing.assert_frame_equal(stored, found)
    assert ["changed", "removed"] == sorted(found["ended"])


@pytest.mark.parametrize("microseconds", [-1, 0, 1])
def test_a_table_as_of_a_moment_equals_read_store(synced, microseconds):
    """The moments are just before, at and just after the second sync."""
    at = moment(versions()[1]) + dt.timedelta(microseconds=microseconds)
    stored = kn.read_store("store", "users", at=at)
    found = kn.sql("store", f"SELECT * EXCLUDE (rest, seen_from) FROM users_at('{at.isoformat()}')")

    pd.testing.assert_frame_equal(stored, found)
    assert ([1, 2] if microseconds < 0 else [1, 3]) == sorted(found["id"])


def test_a_moment_before_the_first_sync_is_an_error(synced):
    """The earlier rows are not known, so an empty result would be wrong."""
    for at in ("'2020-01-01'", "NULL"):
        with pytest.raises(kn.InvalidInputError, match="before the first sync of users"):
            kn.sql("store", f"SELECT * FROM users_at({at})")


def test_results_have_a_fetchs_dtypes():
    """Types of DuckDB become the documented dtypes; two columns may have one name."""
    with kn.DemoOrganization(user_count=5) as demo:
        client = kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url)
        kn.sync("store", "users", client=client)
    query = """
        SELECT sum(id) AS total, count(*)::INTEGER AS n, 1.5 AS n, avg(id) AS mean, bool_or(is_admin) AS admins,
            min(created_at)::DATE AS day, date_trunc('month', min(created_at)) AS month, 'a'::ENUM ('a') AS letter,
            max(created_at) - min(created_at) AS span, INTERVAL 1 MONTH AS length, NULL AS nothing,
            18446744073709551615::UBIGINT AS large, 12345678901234567890123 AS larger, list(id ORDER BY id) AS ids
        FROM users
    """
    found = kn.sql("store", query)
    users = kn.read_store("store", "users")

    assert [str(dtype) for dtype in found.dtypes] == [
        *("Int64", "Int64", "Float64", "Float64", "boolean"),
        *("datetime64[us]", "datetime64[us, UTC]", "str"),
        *("timedelta64[us]", "object", "object", "UInt64", "object", "object"),
    ]
    first, last = users["created_at"].min(), users["created_at"].max()
    row = found.iloc[0]
    assert (users["id"].sum(), 1.5, last - first) == (row["total"], row.iloc[2], row["span"])
    assert (12345678901234567890123, users["id"].tolist()) == (row["larger"], row["ids"])
    assert first.normalize().replace(day=1) == row["month"]
    assert kn.sql("store", "SELECT id FROM users WHERE false").dtypes.to_dict() == {"id": pd.Int64Dtype()}


@pytest.mark.parametrize("value", ["'infinity'::DATE", "'infinity'::TIMESTAMPTZ", "'12000-01-01'::TIMESTAMP"])
def test_a_value_that_a_dataframe_cannot_hold_is_an_error(synced, value):
    """The message names the column and suggests a cast."""
    with pytest.raises(kn.InvalidInputError, match="The column far has a value that a DataFrame cannot hold"):
        kn.sql("store", f"SELECT id, {value} AS far FROM users")

    assert 2 == len(kn.sql("store", f"SELECT id, CAST({value} AS VARCHAR) AS far FROM users"))


def test_a_result_records_where_it_came_from(synced):
    """An export of it names the query and the versions; it can be compared with a fetch."""
    query = "SELECT * EXCLUDE (rest, seen_from) FROM users"
    found = kn.read_export(kn.export(kn.sql("store", query), "users.xlsx"))

    recorded = found.attrs["kismet"]
    assert query == recorded["query"]
    assert [f"clinic-a/{versions()[-1]}"] == recorded["versions"]
    assert kn.compare(found, kn.read_store("store", "users"), key="id").empty


def test_a_long_query_and_its_control_characters_do_not_hinder_an_excel_file(synced):
    """A cell holds 32,767 characters. The sheet shows the beginning, and read_export returns the whole query."""
    query = f"SELECT id FROM users WHERE id IN ({', '.join(map(str, range(9000)))}) -- \x0b"
    result = kn.sql("store", query)

    assert query == kn.read_export(kn.export(result, "result.xlsx")).attrs["kismet"]["query"]


def test_organizations_are_one_table(synced):
    """An organization without the table is left out, as in read_store."""
    synced.sync("roles", organization="clinic-b")
    synced.sync(organization="clinic-c")

    found = kn.sql("store", "SELECT organization, count(*) AS n FROM users GROUP BY ALL ORDER BY ALL")
    assert [["clinic-a", 2], ["clinic-c", 2]] == found.values.tolist()
    assert 3 == kn.sql("store", "SELECT count(DISTINCT organization) AS n FROM lists")["n"][0]


def test_unknown_fields_are_json_text(clinic):
    """DuckDB's JSON operators can read them."""
    clinic.users = [user(1, shift="night"), user(2)]
    with pytest.warns(kn.SchemaDriftWarning):
        clinic.sync()
    found = kn.sql("store", "SELECT rest, rest ->> 'shift' AS shift FROM users ORDER BY id")

    assert ['{"shift":"night"}', "night"] == found.iloc[0].tolist()
    assert found.iloc[1].isna().all()


def test_files_of_an_older_version_have_the_new_columns(synced):
    """They are filled from ``rest``, as in read_store."""
    [file] = kn.store_files("store", "users")
    rows = pq.read_table(file)
    rest = pa.array([f'{{"display_name":"Old {number}"}}' for number in range(rows.num_rows)], pa.large_string())
    rows = rows.set_column(rows.column_names.index("rest"), "rest", rest).drop_columns("display_name")
    file.chmod(0o600)
    pq.write_table(rows, file)

    found = kn.sql("store", "SELECT * EXCLUDE (rest, seen_from) FROM USERS")
    pd.testing.assert_frame_equal(kn.read_store("store", "users"), found)
    assert ["Old 0", "Old 1"] == found["display_name"].tolist()


@pytest.mark.parametrize(
    "condition",
    [
        "display_name = 'Maria Garcia'",
        "id IN (1006, 1009) OR waiting_room_url IS NULL",
        "created_at >= '2025-03-01' AND created_at < TIMESTAMPTZ '2026-01-01'",
        "is_admin AND display_name LIKE 'A%'",
        "roles IS NULL AND NOT is_admin",
        "id = (SELECT max(id) FROM users)",
    ],
)
def test_a_condition_chooses_the_same_rows_in_memory(condition, client):
    """DuckDB passes conditions to Arrow, where they must have the same meaning."""
    kn.sync("store", "users", client=client)
    table = pq.read_table(kn.store_files("store", "users"))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("given", table)
        connection.execute("CREATE TABLE users AS FROM given")
        expected = [row[0] for row in connection.sql(f"SELECT id FROM users WHERE {condition}").fetchall()]

    assert expected == kn.sql("store", f"SELECT id FROM users WHERE {condition}")["id"].tolist()
    assert 0 < len(expected) < 131


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('secret.csv')",
        "SELECT * FROM 'secret.csv'",
        "SELECT * FROM read_text('secret.csv')",
        "SELECT * FROM read_parquet('store/clinic-a/*/users/*.parquet')",
        "SELECT * FROM glob('*')",
        "COPY users TO 'copy.csv'",
        "COPY (SELECT 1) TO 'copy.parquet'",
        "EXPORT DATABASE 'copy'",
        "ATTACH 'copy.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true; SELECT * FROM read_text('secret.csv')",
        "SET threads = 1",
        "RESET lock_configuration",
        "PRAGMA enable_profiling",
    ],
)
def test_a_query_reads_nothing_but_the_store(synced, query):
    """Other files, exports, attached databases, extensions and settings are refused, and nothing is written."""
    Path("secret.csv").write_text(f"a\n{SECRET_FILE}\n")
    before = sorted(Path().rglob("*"))
    with pytest.raises(kn.InvalidInputError, match=r"The query was refused: .*(kn\.export|AT TIME ZONE)") as caught:
        kn.sql("store", query)

    assert before == sorted(Path().rglob("*"))
    assert SECRET_FILE not in str(caught.value)


def test_a_query_does_not_see_python_variables(synced, monkeypatch):
    """By default, DuckDB would use a DataFrame in the calling module as a table."""
    monkeypatch.setattr(module, "planted", pd.DataFrame({"a": [1]}), raising=False)
    with pytest.raises(kn.InvalidInputError, match="Table with name planted does not exist"):
        kn.sql("store", "SELECT * FROM planted")


def test_a_wrong_query_gets_the_message_of_duckdb(synced):
    """The message has the line and a caret; DuckDB's own error is not chained."""
    with pytest.raises(kn.InvalidInputError) as caught:
        kn.sql("store", "SELECT id,\n  nam\nFROM users")

    *_, line, caret = str(caught.value).splitlines()
    assert ("LINE 2:   nam", "^^^") == (line, caret.strip())
    assert caret.index("^") == line.index("nam")
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("SELECT * FROM egresses", r"The store has no egresses. Add them with kn.sync\('store', \['egresses'\]\)"),
        ("SELECT * FROM roles_history", r"kn.sync\('store', \['roles'\]\)"),
        ("SELECT * FROM calls_at(now())", r"kn.sync\('store', \['calls'\]\)"),
        ("SELECT * FROM user", "user|syntax"),
        ("-- nothing", "The last statement has no result"),
        ("", "query must be text"),
        (None, "query must be text"),
    ],
)
def test_an_error_says_what_to_do(synced, query, why):
    """A table that was never synced is an error, not an empty table."""
    with pytest.raises(kn.InvalidInputError, match=why):
        kn.sql("store", query)


def test_without_a_store_there_is_an_error():
    """The message says that the folder has no finished sync."""
    with pytest.raises(kn.InvalidInputError, match="nowhere has no finished sync"):
        kn.sql("nowhere", "SELECT 1")


def test_without_duckdb_the_extra_is_named(monkeypatch):
    """The message is one line with the command for this Python."""
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(kn.InvalidInputError, match=r"^sql needs DuckDB\. Install it with: ") as caught:
        kn.sql("store", "SELECT 1")

    assert str(caught.value).endswith(f'{sys.executable} -m pip install "kismet-nb[sql]"')


def test_in_a_notebook_an_extra_is_installed_by_a_magic_command(kernel):
    """The pip of a terminal may be that of another Python."""
    shown = kernel.run("import sys; sys.modules['duckdb'] = None; import kismet_nb as kn; kn.sql('store', 'SELECT 1')")

    assert r"Install it with: %pip install \"kismet-nb[sql]\"" in shown


def test_a_damaged_file_is_an_error(synced):
    """Damaged data and a truncated file are both found."""
    [file] = kn.store_files("store", "users")
    content = file.read_bytes()
    file.chmod(0o600)
    column = pq.read_metadata(file).row_group(0).column(2)
    last = column.data_page_offset if column.dictionary_page_offset is None else column.dictionary_page_offset
    last += column.total_compressed_size - 1
    for damaged in (content[:last] + bytes([content[last] ^ 1]) + content[last + 1 :], content[:-9]):
        file.write_bytes(damaged)
        with pytest.raises(kn.ExportError, match="A file of the store cannot be read"):
            kn.sql("store", "SELECT * FROM users")


def test_a_version_that_is_removed_meanwhile_is_looked_up_again(synced, monkeypatch):
    """The rows are those of a newer version."""
    find, calls = module.chosen_organizations, []

    def slow(folder, organizations):
        found = find(folder, organizations)
        if not calls:
            calls.append(1)
            synced.users.append(user(4))
            synced.sync(keep=1)
        return found

    monkeypatch.setattr(module, "chosen_organizations", slow)

    assert 3 == len(kn.sql("store", "SELECT * FROM users"))


def test_an_interrupt_stops_a_query(synced):
    """A query that would take hours ends immediately."""
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        kn.sql("store", "SELECT sum(sqrt(a.i)) FROM range(1000000000000) a(i)")
    timer.join()

    assert 2 == len(kn.sql("store", "SELECT * FROM users"))
