"""The demo organization: an invented clinic that answers Kismet's documented API on this machine.

Users can try the toolkit without an account, and tests use real HTTP. All people in it are invented. It is written
only from the API's documentation and imports nothing from the client, so that tests find an error in either of them.
"""

from __future__ import annotations

import atexit
import datetime as dt
import secrets
from typing import Self

from kismet_nb.demo.endpoints import DemoData
from kismet_nb.demo.people import CLOSING_TIME
from kismet_nb.demo.server import DemoServer

__all__ = ["DemoOrganization"]


class DemoOrganization:
    """An invented clinic that answers the documented API on this machine.

    The constructor starts a server on 127.0.0.1. ``stop()``, the end of a ``with`` block or the end of the process
    stops it.

    Parameters
    ----------
    today
        The last day with calls, up to 20:00 UTC. By default the current day, up to ten minutes ago. The initial users
        are the same for each day. ``advance`` adds later days.
    user_count
        Initial number of users. Organizations of different sizes have different users.
    latency
        Seconds to wait before each response.

    Attributes
    ----------
    api_url
        Address of the server, for example ``"http://127.0.0.1:40123"``.
    client_id
        The only accepted Client ID.
    client_secret
        The secret that belongs to it. Each object has a new one.

    Examples
    --------
    >>> with DemoOrganization(user_count=3) as demo:
    ...     demo.api_url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(self, *, today: dt.date | None = None, user_count: int = 131, latency: float = 0.0) -> None:
        self.client_id = "demo-client-id"
        self.client_secret = secrets.token_urlsafe(24)
        self._user_count = user_count
        self._today = today or dt.datetime.now(dt.UTC).date()
        self._since = _last_moment(today)
        self._server = DemoServer(
            DemoData(self._since, user_count),
            credentials=(self.client_id.encode(), self.client_secret.encode()),
            latency=latency,
        )
        self.api_url = f"http://127.0.0.1:{self._server.server_address[1]}"
        atexit.register(self.stop)

    def stop(self) -> None:
        """Stop the server and close its connections. A second call does nothing."""
        atexit.unregister(self.stop)
        if not self._server.stopping.is_set():
            self._server.stop()

    def advance(self, days: int = 1) -> None:
        """Simulate days: calls are held, and users join, leave and change. The next response has the new state.

        One user joins on each Monday, one leaves on each Friday, and the name or the rights of one change on each
        Monday to Friday. A user who leaves is removed with all calls. The changes of a day are the same in each
        organization of the same size. If the last day has not ended yet, it has only calls.

        Parameters
        ----------
        days
            The number of days, 1 or more. To have no rows in the future, start the organization with ``today`` in the
            past.

        Raises
        ------
        ValueError
            ``days`` is not a whole number of at least 1.

        Examples
        --------
        >>> with DemoOrganization(today=dt.date(2026, 10, 2)) as demo:
        ...     demo.advance(days=7)
        """
        if isinstance(days, bool) or not isinstance(days, int) or days < 1:
            raise ValueError("days must be a whole number of at least 1.")
        self._today += dt.timedelta(days=days)
        moment = max(self._server.data.moment, _last_moment(self._today))
        self._server.data = DemoData(moment, self._user_count, self._since)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"DemoOrganization(api_url={self.api_url!r}, users={self._user_count})"

    @property
    def running(self) -> bool:
        """Whether the server is running."""
        return not self._server.stopping.is_set()


def _last_moment(today: dt.date | None) -> dt.datetime:
    """Return the time of the last possible row: the evening of a day, or ten minutes ago if that is earlier.

    A client may read a list again if it has rows of the last five minutes. With ten minutes, no list has such rows.
    """
    now = dt.datetime.now(dt.UTC)
    evening = dt.datetime.combine(today or now, CLOSING_TIME, tzinfo=dt.UTC)
    return evening if today not in {None, now.date()} else min(evening, now - dt.timedelta(minutes=10))
