"""The public interface is the one that ``public_api.py`` promises."""

import datetime as dt
import importlib
import inspect
import json
import warnings
from pathlib import Path

import pytest
from contracts.public_api import COMMANDS, DTYPES, ERRORS, NAMES, PROVENANCE, REQUIRED, SIGNATURES
from support.faulty_server import serving
from support.rows import page_of, user

import kismet_nb as kn
from kismet_nb.cli import main


def resolve(name):
    """Return the public object of a dotted name."""
    found = kn
    for part in name.split("."):
        found = getattr(found, part)
    return found


def test_the_public_names_are_those_that_were_promised():
    """``from kismet_nb import *`` gives the same names, and each of them exists."""
    assert NAMES == kn.__all__
    assert [] == [name for name in NAMES if not hasattr(kn, name)]


@pytest.mark.parametrize("module", ["summaries", "charts"])
def test_the_functions_of_a_public_module_are_those_that_were_promised(module):
    """Each summary and each chart keeps its name."""
    promised = {name.partition(".")[2] for name in SIGNATURES if name.startswith(f"{module}.")}

    assert promised == set(getattr(kn, module).__all__)


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_signature_keeps_its_parameters_and_defaults(name):
    """Parameters keep name, order, kind and default; everything after the first ones is keyword-only."""
    positional, keyword, options = SIGNATURES[name]
    parameters = inspect.signature(resolve(name)).parameters.values()
    found = {kind: {p.name: p.default for p in parameters if p.kind is kind} for kind in inspect._ParameterKind}
    found[inspect.Parameter.POSITIONAL_OR_KEYWORD].pop("self", None)

    assert list(positional.items()) == list(found[inspect.Parameter.POSITIONAL_OR_KEYWORD].items())
    assert keyword == found[inspect.Parameter.KEYWORD_ONLY]
    assert [options] * bool(options) == list(found[inspect.Parameter.VAR_KEYWORD])
    assert ({"tables": REQUIRED} if name == "explore" else {}) == found[inspect.Parameter.VAR_POSITIONAL]
    assert {} == found[inspect.Parameter.POSITIONAL_ONLY]


def test_every_public_function_is_pinned():
    """Each public function has an entry in ``SIGNATURES``."""
    functions = {name for name in NAMES if inspect.isfunction(getattr(kn, name))}

    assert functions <= set(SIGNATURES)


@pytest.mark.parametrize("name", [name for name in SIGNATURES if name.startswith("fetch_")])
def test_every_fetch_takes_a_client_and_progress(name):
    """By default, a fetch uses this notebook's login and decides whether to show a progress bar."""
    assert {"client": None, "progress": None}.items() <= SIGNATURES[name][1].items()
    assert SIGNATURES[name][1].get("resume", False) is False


@pytest.mark.parametrize("name", ["listing", "numbers", "period"])
def test_the_names_that_report_notebooks_import_still_exist(name):
    """Analysts have their own copies of the report's notebook, which import from ``kismet_nb.report``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert callable(getattr(importlib.import_module("kismet_nb.report"), name))


def test_report_is_a_function_though_a_module_had_that_name():
    """``kn.report(...)`` can be called, also after ``from kismet_nb.report import period``."""
    importlib.import_module("kismet_nb.report")

    assert inspect.isfunction(kn.report)


def test_a_client_keeps_what_it_was_given():
    """Each parameter of a client is an attribute of the same name."""
    given = {
        "timeout": 3.5,
        "retries": 2,
        "patience": 9.0,
        "max_in_flight": 4,
        "page_size": 50,
        "strict": True,
        "verify": "twice",
    }
    with kn.KismetClient("client-id", "planted-secret", api_url="https://api.example.org", **given) as client:
        assert given == {name: getattr(client, name) for name in given}
        assert ("client-id", "https://api.example.org") == (client.client_id, client.api_url)


def test_the_error_tree_is_complete():
    """Each public error has an entry in ``ERRORS``, and each warning is a UserWarning."""
    public = {name for name in NAMES if name.endswith("Error")}

    assert set(ERRORS) == public
    assert {(UserWarning,)} == {getattr(kn, name).__bases__ for name in NAMES if name.endswith("Warning")}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_keeps_its_bases_and_attributes(name):
    """An error without details has None for status, resource, page and retry_after, and its class's retryable."""
    bases, retryable = ERRORS[name]
    bare = getattr(kn, name)("what happened")
    details = {"status": 503, "resource": "users", "page": 2, "retry_after": 1.5, "retryable": not retryable}
    full = getattr(kn, name)("what happened", **details)

    assert bases == " ".join(base.__name__ for base in type(bare).__bases__)
    assert dict.fromkeys(details) | {"retryable": retryable} == {detail: getattr(bare, detail) for detail in details}
    assert details == {detail: getattr(full, detail) for detail in details}
    assert ("what happened", "users, page 2: what happened") == (str(bare), str(full))


def test_an_incomplete_list_is_an_error_with_the_rows_that_were_read():
    """``partial`` is None until there are rows."""
    assert kn.IncompleteError("what happened").partial is None


@pytest.mark.parametrize("name", DTYPES)
def test_a_table_keeps_its_columns_and_dtypes(name):
    """Columns keep name, order and dtype, as ``describe`` lists them."""
    columns = kn.describe(name)

    assert list(DTYPES[name].items()) == list(zip(columns["column"], columns["dtype"], strict=True))


def fetched_tables(client):
    """Fetch a table of one list, of a list for each user, of parts of these rows, and of maps from days to values."""
    calls, participants = kn.fetch_calls([1], participants=True, client=client)
    metrics = kn.fetch_call_metrics("2026-11-01", "2026-11-03", client=client)
    return {"users": kn.fetch_users(client=client), "calls": calls, "participants": participants} | {
        "call_metrics": metrics
    }


def answer(query, _):
    """Return the response of an organization with one user and one call."""
    if query.path.endswith("/calls"):
        return page_of([{"id": 7, "participants": [{"id": 1}]}], query, envelope="calls")
    if query.path.endswith("/organization_users"):
        return page_of([user(1)], query)
    return {name: {"2026-11-02": 1} for name in list(DTYPES["call_metrics"])[2:]}


@pytest.mark.filterwarnings("ignore::kismet_nb.SchemaDriftWarning")
@pytest.mark.parametrize("name", ["users", "calls", "participants", "call_metrics"])
def test_attrs_say_where_a_table_came_from(name):
    """``attrs["kismet"]`` has these keys with values of these types, and JSON can hold it."""
    with serving(answer) as (url, _), kn.KismetClient("client-id", "planted-secret", api_url=url) as client:
        table = fetched_tables(client)[name]
    recorded = table.attrs["kismet"]

    assert ["kismet"] == list(table.attrs)
    assert PROVENANCE == {key: type(value) for key, value in recorded.items()}
    assert (name, url.removeprefix("http://"), len(table)) == tuple(
        recorded[key] for key in ("resource", "api_host", "rows")
    )
    assert "complete" == recorded["verdict"]
    assert dt.timedelta(0) == dt.datetime.fromisoformat(recorded["fetched_at"]).utcoffset()
    assert recorded == json.loads(json.dumps(recorded))


def test_the_environment_variables_keep_their_names(monkeypatch):
    """The variables for the credentials and the address are read from the environment and from a .env."""
    named = {
        "KISMET_CLIENT_ID": "client-id",
        "KISMET_CLIENT_SECRET": "planted-secret",
        "KISMET_API_URL": "https://api.example.org",
    }
    Path(".env").write_text("".join(f"{name}={value}\n" for name, value in named.items()))
    in_file = kn.KismetClient.from_env()
    Path(".env").unlink()
    for name, value in named.items():
        monkeypatch.setenv(name, value)

    for client in (in_file, kn.KismetClient.from_env()):
        assert ("client-id", "https://api.example.org") == (client.client_id, client.api_url)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["tables"], 0),
        (["export", "users", "users.csv"], 1),  # no credentials
        (["export", "users", "users.doc"], 2),  # an argument that cannot be used
    ],
)
def test_a_command_keeps_its_exit_codes(arguments, code):
    """0 for success, 1 for a failure, 2 for wrong usage."""
    assert code == main(arguments)


def test_an_interrupted_command_ends_with_130(monkeypatch):
    """130 is a shell's exit code for Ctrl-C."""

    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("kismet_nb.cli.commands.describe", interrupt)

    assert 130 == main(["tables", "users"])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_keeps_its_options(command, capsys):
    """Schedulers call the commands by these names."""
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    shown = capsys.readouterr().out

    assert 0 == caught.value.code
    assert [] == [option for option in COMMANDS[command] if f"{option} " not in shown]


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["export", "nonsense", "x.csv"], ["tables", "--nonsense"]])
def test_wrong_usage_ends_with_2(arguments):
    """An unknown command, table or option is refused by the parser."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert 2 == caught.value.code
