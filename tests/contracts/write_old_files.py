"""Write ``old_files/``: exports of an earlier version that every later version must read back equal.

Run once per frozen version, with the code of that version first on the path::

    git archive 97fa278 | tar x -C /tmp/old
    PYTHONPATH=/tmp/old:tests python tests/contracts/write_old_files.py

Never run it to make a failing test pass: these are the files that analysts have on disk.
"""

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pandas as pd
from contracts.literals import to_literals

import kismet_nb as kn

FOLDER = Path(__file__).parent / "old_files"
SUFFIXES = (".csv", ".csv.gz", ".parquet", ".xlsx")


def demo_tables():
    """Fetch a few rows of each kind from a small demo organization."""
    with (
        kn.DemoOrganization(today=dt.date(2026, 11, 24), user_count=12) as demo,
        kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url) as client,
    ):
        users = kn.fetch_users(client=client)
        calls, participants = kn.fetch_calls(participants=True, client=client)
        return {
            "users": users,
            "calls": calls[:40].reset_index(drop=True),
            "participants": participants[:40].reset_index(drop=True),
            "call_metrics": kn.fetch_call_metrics("2026-11-01", "2026-11-24", client=client),
            "invites": kn.fetch_invites(client=client)[:30].reset_index(drop=True),
            "no_users": kn.fetch_users("nobody@example.org", client=client),
        }


def hostile_table():
    """Build a table of values that files and spreadsheets are known to damage."""
    texts = [
        "=1+1", "+1", "-1", "@SUM(A1)", "'=1", "''@x", "＝1", "", None, " x ", "a\nb", "a\r\nb", 'say "x"', "a,b;c\td",
        "NA", "null", "None", "true", "1", "007", "1e5", "2026-01-05", "\ufeffx", "#N/A", "e\u0301", "佐藤 🌻", "שלום",
    ]  # fmt: skip
    count = len(texts)

    def column(values, dtype):
        return pd.Series([*values, *[None] * (count - len(values))], dtype=object).astype(dtype)

    times = ["1900-01-01T00:00:00Z", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00.000001Z", "9999-12-31T23:59:59Z"]
    lists = [[], [""], ["provider"], ["provider", "organization_admin"], ["a, b", 'c"d', "=1"], ["\u2028", "é"]]
    return pd.DataFrame(
        {
            "id": column([2**63 - 1, -(2**63), 2**53 + 1, 0], "Int64"),
            "=name": pd.array(texts, dtype="str"),
            "'@quoted": pd.array(texts[::-1], dtype="str"),
            "is_admin": column([True, False], "boolean"),
            "score": column([0.1 + 0.2, -2.5, 1e300, 5e-324, 410.000197], "Float64"),
            "count": np.arange(count),
            "created_at": pd.to_datetime(pd.Series([*times, *[None] * (count - 4)]), format="ISO8601", utc=True).astype(
                "datetime64[us, UTC]"
            ),
            "date": pd.to_datetime(pd.Series(["2026-02-28", *[None] * (count - 1)])).astype("datetime64[us]"),
            "roles": pd.Series([*lists, *[None] * (count - len(lists))], dtype=object),
        }
    )


def control_table():
    """Build a table of what Excel cannot hold: control characters and a negative zero."""
    return pd.DataFrame({"id": [1, 2, 3], "name": ["\0", "a\x1b[2Jb", "\x7f\x85"], "score": [-0.0, 0.0, 0.5]})


def main():
    """Write all files, and their expected content."""
    FOLDER.mkdir(exist_ok=True)
    print(f"Writing with {Path(kn.__file__).parent}")
    expected = {}
    files = [(f"{name}{suffix}", table, {}) for name, table in demo_tables().items() for suffix in SUFFIXES]
    files += [(f"hostile{suffix}", hostile_table(), {}) for suffix in SUFFIXES]
    files += [
        ("hostile_raw.csv", hostile_table(), {"spreadsheet_safe": False}),
        *[(f"control{suffix}", control_table(), {}) for suffix in SUFFIXES[:3]],
        ("zone.xlsx", hostile_table()[["created_at"]], {"tz": "America/New_York"}),
    ]
    for name, table, options in files:
        kn.export(table, FOLDER / name, **options)
        expected[name] = to_literals(table)
    # A table is the same in each format: state it once.
    stated = {}
    for name, literals in expected.items():
        stated.setdefault(json.dumps(literals), []).append(name)
    entries = [{"files": names, **json.loads(literals)} for literals, names in stated.items()]
    (FOLDER / "expected.json").write_text(json.dumps(entries, indent=None) + "\n")


if __name__ == "__main__":
    main()
