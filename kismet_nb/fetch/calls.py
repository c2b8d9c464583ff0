"""Calls, which the API lists by user, and their recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from kismet_nb.errors import InvalidInputError
from kismet_nb.fetch.arguments import call_keys, check_on_error, chosen_client, keys_in, nested_list
from kismet_nb.fetch.table import fetch_table
from kismet_nb.fetch.users import fetch_users

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from kismet_nb.fetch.pagination import OnError
    from kismet_nb.transport.client import KismetClient

__all__ = ["fetch_calls", "fetch_egresses"]


@overload
def fetch_calls(
    users: pd.DataFrame | Iterable[int | str] | int | None = None,
    *,
    participants: Literal[False] = False,
    participant_names: Literal[False] = False,
    resume: bool = False,
    on_error: OnError = "raise",
    client: KismetClient | None = None,
    progress: bool | None = None,
) -> pd.DataFrame: ...


@overload
def fetch_calls(
    users: pd.DataFrame | Iterable[int | str] | int | None = None,
    *,
    participants: Literal[True],
    participant_names: bool = False,
    resume: bool = False,
    on_error: OnError = "raise",
    client: KismetClient | None = None,
    progress: bool | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]: ...


def fetch_calls(
    users: pd.DataFrame | Iterable[int | str] | int | None = None,
    *,
    participants: bool = False,
    participant_names: bool = False,
    resume: bool = False,
    on_error: OnError = "raise",
    client: KismetClient | None = None,
    progress: bool | None = None,
) -> pd.DataFrame | tuple[pd.DataFrame, pd.DataFrame]:
    """Fetch the calls of users (``/organization_users/{organization_user_id}/calls``).

    The API lists calls by user only, so this costs at least one request per user.

    Parameters
    ----------
    users
        A table of users, or ids of users. By default all users of the organization.
    participants
        Also return a second table with one row per participant.
    participant_names
        Keep ``name`` in the second table. Participants are mostly patients, so their names are left out by default.
    resume
        Reuse the lists that an earlier fetch had read when it failed or was interrupted, and read only the others.
        Reused lists are as old as that fetch. Without ``users``, the list of users is read again.
    on_error
        ``"skip"`` leaves out each user whose list cannot be read. An ``IncompleteWarning`` names the first five, and
        the verdict is ``"incomplete"``. By default, the fetch fails.
    client, progress
        As in ``fetch_users``.

    Returns
    -------
    DataFrame
        One row per call, user by user, each list complete, with the columns

        ``organization_user_id`` Int64 (the user asked for), ``id`` Int64, ``name`` str, ``livekit_session_id`` str,
        ``state`` str, ``has_egresses``, ``is_recording``, ``is_canvas_locked`` and ``is_ended`` boolean,
        ``created_at`` and ``updated_at`` datetime64[us, UTC], ``participant_count`` Int64.

        The API has no start, end or duration of a call. The two times are those of its record. Only
        ``fetch_call_metrics`` has durations, as means by day. The key is (``organization_user_id``, ``id``).
    tuple of DataFrame
        With ``participants=True``, the calls, and their participants: ``organization_user_id``, ``call_id`` and
        ``id`` Int64, ``participant_type`` str, ``name`` str (all missing by default).

    Raises
    ------
    NotFoundError
        None of these users exists.
    InvalidInputError
        ``users`` is neither a table of users nor ids, or ``participant_names`` is passed without ``participants``.
    KismetError
        As in ``fetch_users``. After a failure or an interrupt, ``resume=True`` reads the rest.

    Warns
    -----
    GoneWarning
        Some of the users no longer exist (404). The table is complete without them.
    IncompleteWarning
        ``on_error="skip"`` left out some of the users; the verdict is ``"incomplete"``.
    SchemaDriftWarning
        As in ``fetch_users``.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> with kn.DemoOrganization(user_count=3) as demo:
    ...     client = kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url)
    ...     calls = kn.fetch_calls(client=client)
    >>> calls.columns[:3].tolist()
    ['organization_user_id', 'id', 'name']
    """
    check_on_error(on_error)
    if participant_names and not participants:
        raise InvalidInputError("participant_names needs the table of participants. Pass participants=True too.")
    if users is None:
        users = fetch_users(client=client, progress=progress)
    queries = [nested_list("calls", user) for user in keys_in("users", users, "users", "id")]
    calls, *more = fetch_table(
        chosen_client(client),
        "calls",
        queries,
        progress,
        resume=resume,
        on_error=on_error,
        participants=participants,
        names=participant_names,
    )
    return (calls, more[0]) if participants else calls


def fetch_egresses(
    calls: pd.DataFrame | Iterable[tuple[int | str, int | str]] | None = None,
    *,
    resume: bool = False,
    on_error: OnError = "raise",
    client: KismetClient | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Fetch the recordings of calls (``/organization_users/{organization_user_id}/calls/{call_id}/egresses``).

    The link to a recording is never in the table, because anyone who has it can download the recording.

    Parameters
    ----------
    calls
        A table of calls, or tuples (``organization_user_id``, ``id``). Calls of the table that have no recordings are
        skipped. By default all calls of all users, which are fetched first.
    resume
        As in ``fetch_calls``, for the recordings. Without ``calls``, all calls are read again, so pass a table of them.
    on_error
        ``"skip"`` leaves out each call whose list cannot be read. An ``IncompleteWarning`` names the first five, and
        the verdict is ``"incomplete"``. By default, the fetch fails.
    client, progress
        As in ``fetch_users``.

    Returns
    -------
    DataFrame
        One row per recording, call by call, with the columns

        ``organization_user_id``, ``call_id`` and ``id`` Int64, ``egress_id`` str, ``status`` str, ``error`` str
        (missing when the recording succeeded), ``is_stopped`` boolean, ``ended_at``, ``created_at`` and
        ``updated_at`` datetime64[us, UTC].

    Raises
    ------
    NotFoundError
        None of these calls exists.
    InvalidInputError
        ``calls`` is neither a table of calls nor tuples of two ids.
    KismetError
        As in ``fetch_users``.

    Warns
    -----
    GoneWarning, IncompleteWarning, SchemaDriftWarning
        As in ``fetch_calls``.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> kn.fetch_egresses(kn.fetch_calls(users=[1002]))  # doctest: +SKIP
    """
    check_on_error(on_error)
    if calls is None:
        calls = fetch_calls(client=client, progress=progress, resume=resume, on_error=on_error)
    queries = [nested_list("egresses", user, call) for user, call in call_keys(calls)]
    return fetch_table(chosen_client(client), "egresses", queries, progress, resume=resume, on_error=on_error)[0]
