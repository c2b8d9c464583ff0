"""The panel of explore: questions, filters and options, and that the shown code makes the shown table."""

import anywidget
import ipywidgets
import pandas as pd
import pytest

import kismet_nb as kn
from kismet_nb.widgets.explorer_controls import Controls


@pytest.fixture
def said(monkeypatch):
    """Collect the messages of panels to the browser."""
    messages = []
    monkeypatch.setattr(anywidget.AnyWidget, "send", lambda _, content, _buffers=None: messages.append(content))
    return messages


@pytest.fixture(scope="module")
def tables(demo):
    """Fetch one table of each kind that has questions."""
    with kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url) as client:
        users = kn.fetch_users(client=client)
        return {
            "users": users,
            "calls": kn.fetch_calls(users, client=client),
            "rooms": kn.fetch_waiting_rooms(client=client),
            "invites": kn.fetch_invites(client=client),
            "metrics": kn.fetch_call_metrics("2026-01-01", "2026-02-28", client=client),
        }


def controls(widget):
    """Return all controls of a panel that have a description."""
    found = [widget] if getattr(widget, "description", "") else []
    for child in getattr(widget, "children", ()):
        found += controls(child)
    return found


def control(panel, description):
    """Return the last control with a description, which for filters is that of the newest."""
    return [found for found in controls(panel) if found.description == description][-1]


def add_filter(panel, column, operator, value):
    """Add a filter like a person."""
    control(panel, "Add a filter").click()
    row = panel.children[1].children[-1]
    for part, chosen in zip(row.children, (column, operator, value), strict=False):
        part.value = chosen


def run(said, tables):
    """Run the shown code in a namespace with the tables, like a cell. Its last line shows the chart or the table."""
    namespace = {"kn": kn, **tables}
    exec(said[-1]["code"], namespace)  # noqa: S102 - a person runs it too
    assert ("chart" if "chart" in namespace else "answer") == said[-1]["code"].splitlines()[-1]
    return namespace["answer"]


def exported(panel, path):
    """Export the shown table, and read the file."""
    control(panel, "File").value = str(path)
    control(panel, "Export").click()
    return kn.read_export(path)


def test_the_shown_code_answers_each_question(tables, said, tmp_path):
    """For every question, the code runs in a cell and makes the table that the button exports."""
    users, calls, rooms, invites, metrics = tables.values()
    panel = kn.explore(users, calls, rooms, invites, metrics)
    shown = {"users": users, "calls": calls, "waiting_rooms": rooms, "invites": invites, "call_metrics": metrics}
    control(panel, "From").value, control(panel, "To").value = "2026-01-05", "2026-02-20"
    questions = control(panel, "Question").options
    for question in questions:
        control(panel, "Question").value = question
        assert "" == said[-1]["message"], question
        answer = run(said, shown | tables)
        if answer.index.names == [None]:  # the index only numbers the rows
            answer = answer.reset_index(drop=True)
        pd.testing.assert_frame_equal(answer, exported(panel, tmp_path / "t.parquet"))

    assert {"The rows of users", "Calls per period", "Idle rooms", "Invites by status", "Combine days"} <= set(
        questions
    )


def test_the_code_has_the_names_of_the_variables(said):
    """The name of a table is that of its variable."""
    people = pd.DataFrame({"id": pd.array([11], "Int64"), "created_at": pd.to_datetime(["2026-01-05T09:00Z"])})
    people.attrs["kismet"] = {"resource": "users"}
    namespace = {"kn": kn, "_7": people, "people": people}
    exec("panel = kn.explore(people)", namespace)  # noqa: S102 - as a cell
    control(namespace["panel"], "Question").value = "Users over time"

    assert "kn.summaries.users_over_time(people, by='month', tz='UTC')" in said[-1]["code"]


@pytest.mark.parametrize(
    ("column", "operator", "value", "kept"),
    [
        ("users: display_name", "contains", "CHEN", lambda users: users["display_name"].str.contains("(?i)chen")),
        ("users: is_admin", "is one of", "yes", lambda users: users["is_admin"].eq(other=True)),
        ("users: id", "is one of", "1002, 1005", lambda users: users["id"].isin([1002, 1005])),
        ("users: waiting_room_url", "is missing", "", lambda users: users["waiting_room_url"].isna()),
        ("users: email", "is one of", "'];import os#", lambda users: users["id"].isna()),
    ],
)
def test_a_filter_on_users_also_filters_their_calls(tables, said, column, operator, value, kept):
    """Only the matching users and their calls are kept. Typed text never runs as code."""
    users, calls = tables["users"], tables["calls"]
    panel = kn.explore(calls, users)
    add_filter(panel, column, operator, value)
    control(panel, "Question").value = "The rows of users"
    pd.testing.assert_frame_equal(users[kept(users)], run(said, tables))
    control(panel, "Question").value = "The rows of calls"
    expected = calls[calls["organization_user_id"].isin(users.loc[kept(users), "id"])]
    pd.testing.assert_frame_equal(expected, run(said, tables))
    control(panel, "Remove").click()

    assert len(calls) == len(run(said, tables))


def test_lists_are_filtered_by_their_items(said):
    """A user with two roles matches a filter on one of them."""
    users = pd.DataFrame({"id": pd.array([1, 2, 3], "Int64"), "roles": [["provider", "admin"], None, ["admin"]]})
    users.attrs["kismet"] = {"resource": "users"}
    panel = kn.explore(users)
    add_filter(panel, "users: roles", "is one of", "provider")
    control(panel, "Question").value = "The rows of users"

    assert [1] == run(said, {"users": users})["id"].tolist()


def test_days_are_those_of_the_zone(tables, said):
    """Rows are kept from the start to the end of a day in the chosen zone."""
    calls = tables["calls"]
    panel = kn.explore(calls)
    control(panel, "Question").value = "The rows of calls"
    control(panel, "Time zone").value = "America/Chicago"
    control(panel, "From").value = control(panel, "To").value = "2026-03-02"
    local = calls["created_at"].dt.tz_convert("America/Chicago").dt.date.astype(str)

    pd.testing.assert_frame_equal(calls[local == "2026-03-02"], run(said, tables))


def test_the_panel_shows_errors(tables, said):
    """An invalid day, zone, number or file causes a message that names it."""
    panel = kn.explore(tables["users"])
    control(panel, "From").value = "soon"
    control(panel, "Question").value = "The rows of users"
    assert "from" in said[-1]["message"] or "start" in said[-1]["message"]
    control(panel, "From").value = ""
    control(panel, "Time zone").value = "Mars/Olympus"
    assert "Mars/Olympus" in said[-1]["message"]
    control(panel, "Time zone").value = "UTC"
    add_filter(panel, "users: id", "is one of", "eleven")
    assert "users" in control(panel, "Only where").value
    assert "eleven" in said[-1]["message"]
    control(panel, "Remove").click()
    control(panel, "File").value = "users.txt"
    control(panel, "Export").click()

    assert ".csv" in said[-1]["message"]


def test_readers_of_a_page_cannot_write_files_on_its_server(tables, monkeypatch):
    """In a notebook the panel has a button to export; in a page of Voila it has none."""
    assert any("Export" == found.description for found in controls(kn.explore(tables["users"])))
    monkeypatch.setattr("kismet_nb.widgets.explorer.is_published", lambda: True)
    assert not {"File", "Export"} & {found.description for found in controls(kn.explore(tables["users"]))}


def test_html_controls_drive_the_panel(tables, said):
    """With marimo's HTML controls, a choice changes the answer, and the new lines of controls are sent."""
    panel = kn.explore(tables["users"])
    drawn = Controls(panel.control_lines)
    question, button = {"kind": "chosen", "line": 0, "position": 0}, {"kind": "chosen", "line": 1, "position": 0}
    drawn._receive(drawn, {**question, "value": "Users over time"}, [])
    by = next(control for control in said[-1]["lines"][0] if control["label"] == "By")
    drawn._receive(drawn, {**button, "value": ""}, [])

    assert ("month", False) == (by["value"], by["hidden"])
    assert ["Only where", "", "", "Remove"] == [control["label"] for control in said[-1]["lines"][1]]
    assert any("users_over_time" in message.get("code", "") for message in said)


@pytest.mark.parametrize(("line", "position", "value"), [(0, 4, "1.5"), (0, 4, ""), (1, 3, "")])
def test_what_a_control_cannot_take_is_put_right(tables, said, line, position, value):
    """A number that is not whole, and a second click on a filter that the first removed: the controls come back."""
    drawn = Controls(kn.explore(tables["users"]).control_lines)
    drawn._receive(drawn, {"kind": "chosen", "line": line, "position": position, "value": value}, [])

    assert 30 == next(control["value"] for control in said[-1]["lines"][0] if control["label"] == "Days")


def test_no_trait_contains_a_row(tables):
    """The state of the panel and its parts, which a front-end saves, contains no name and no address."""
    panel = kn.explore(tables["users"], tables["calls"])
    add_filter(panel, "users: display_name", "contains", "a")
    for question in control(panel, "Question").options:
        control(panel, "Question").value = question
        states = str([widget.get_state() for widget in everything(panel)]) + repr(panel)
        assert "@example" not in states
        assert "Ximena" not in states


def everything(widget):
    """Return a widget and all widgets in it."""
    return [widget, *(inner for child in getattr(widget, "children", ()) for inner in everything(child))]


@pytest.mark.parametrize("arguments", [(), ([1],), (pd.DataFrame({"id": [1]}),), ("users", "users")])
def test_other_tables_are_refused(tables, arguments):
    """No table, a table that was not fetched, and two tables of one kind are errors."""
    with pytest.raises(kn.InvalidInputError):
        kn.explore(*[tables.get(each, each) if isinstance(each, str) else each for each in arguments])
    assert isinstance(kn.explore(tables["users"]), ipywidgets.VBox)
