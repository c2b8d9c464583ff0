"""An organization on loopback whose rows a test changes between two syncs."""

import contextlib
import datetime as dt
import sqlite3
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from support.faulty_server import CLIENT_ID, SECRET, serving
from support.rows import call, daily_figures, egress, page_of, role, user, waiting_room

import kismet_nb as kn


class Clinic:
    """The rows of an organization, and a client of the server that sends them.

    ``failures`` maps paths to responses, ``requests`` lists the path of each request, and ``seconds`` is the delay of
    each response.
    """

    def __init__(self):
        self.users = [user(1), user(2)]
        self.calls = {1: [call(10, created_at="2026-01-31T23:59:59Z"), call(11)], 2: [call(20, has_egresses=True)]}
        self.roles = [role(1)]
        self.rooms = [waiting_room(1)]
        self.subs = []
        self.invites = []
        self.egresses = {20: [egress(200)]}
        self.figures = {"2026-01-05": 3, f"{dt.datetime.now(dt.UTC):%Y-%m-%d}": 2}
        self.failures = {}
        self.requests = []
        self.seconds = 0
        self.client = None
        self.before = None

    def answer(self, query, _):
        """Answer a request; call ``before`` with the request first."""
        if self.before:
            self.before(query)
        self.requests.append(query.path)
        time.sleep(self.seconds)
        if query.path in self.failures:
            return self.failures[query.path]
        pieces = query.path.strip("/").split("/")
        if pieces[-1] == "call_metrics":
            chosen = {day: n for day, n in self.figures.items() if query["date_start"] <= day <= query["date_end"]}
            return daily_figures(total_calls=chosen)
        if pieces[-1] == "egresses":
            return {"egresses": self.egresses.get(int(pieces[3]), [])}
        if pieces[-1] == "waiting_room_subs":
            return {"waiting_room_subs": self.subs}
        rows = {
            "organization_users": self.users,
            "roles": self.roles,
            "waiting_rooms": self.rooms,
            "invites": self.invites,
            "calls": self.calls.get(int(pieces[1]), []) if pieces[-1] == "calls" else [],
        }[pieces[-1]]
        envelope = {"invites": "organization_invites"}.get(pieces[-1], pieces[-1])
        return page_of(rows, query, envelope=envelope)

    def sync(self, tables="users", folder="store", **options):
        """Sync, and return the counts of the first table as a dictionary."""
        report = kn.sync(folder, tables, **{"organization": "clinic-a", "client": self.client, **options})
        return report.set_index("table").to_dict("index")


@contextlib.contextmanager
def open_clinic(**options):
    """Serve a clinic and yield it; ``options`` are arguments of its client."""
    clinic = Clinic()
    settings = {"timeout": 5, "retries": 0, "page_size": 10, **options}
    with serving(clinic.answer) as (url, _), kn.KismetClient(CLIENT_ID, SECRET, api_url=url, **settings) as client:
        clinic.client = client
        yield clinic


def versions(folder="store/clinic-a"):
    """Return the names of the finished versions."""
    return sorted(path.name for path in Path(folder).glob("20*Z"))


def moment(version):
    """Return the moment of a version."""
    return dt.datetime.strptime(version, "%Y-%m-%dT%H%M%SZ").replace(tzinfo=dt.UTC)


def stored_text(folder="store"):
    """Return the whole content of a store as text: names, decoded tables and journals, and other files as they are.

    No sync may be under way.
    """
    pieces = []
    for file in sorted(Path(folder).rglob("*")):
        pieces.append(str(file))
        if file.suffix == ".parquet":
            pieces.append(str(pq.read_table(file).to_pylist()))
        elif file.is_file():
            pieces.append(file.read_bytes().decode(errors="replace"))
    for journal in Path(folder).rglob("journal.sqlite"):
        with contextlib.closing(sqlite3.connect(journal)) as database:
            saved = database.execute("SELECT rows FROM saved").fetchall()
        pieces += [str(pa.ipc.open_stream(packed).read_all().to_pylist()) for (packed,) in saved]
    return "\n".join(pieces)
