"""Waiting rooms and their future substitutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kismet_nb.fetch.arguments import check_on_error, chosen_client, keys_in, nested_list, whole_list
from kismet_nb.fetch.table import fetch_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from kismet_nb.fetch.pagination import OnError
    from kismet_nb.transport.client import KismetClient

__all__ = ["fetch_waiting_room_subs", "fetch_waiting_rooms"]


def fetch_waiting_rooms(*, client: KismetClient | None = None, progress: bool | None = None) -> pd.DataFrame:
    """Fetch every waiting room of the organization (``/waiting_rooms``).

    Parameters
    ----------
    client, progress
        As in ``fetch_users``.

    Returns
    -------
    DataFrame
        One row per room, in the server's order, complete, with the columns

        ``id`` Int64, ``user_id`` Int64 (the owner; the API does not say that this is the ``id`` of users: use a left
        join, and check for rows without a match), ``slug`` str, ``theme`` str, ``is_active`` boolean,
        ``created_at`` and ``updated_at`` datetime64[us, UTC], ``user_display_name`` str.

    Raises
    ------
    KismetError
        As in ``fetch_users``.

    Warns
    -----
    SchemaDriftWarning
        As in ``fetch_users``.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> kn.fetch_waiting_rooms().query("not is_active")  # doctest: +SKIP
    """
    return fetch_table(chosen_client(client), "waiting_rooms", whole_list("waiting_rooms"), progress)[0]


def fetch_waiting_room_subs(
    rooms: pd.DataFrame | Iterable[str] | str | None = None,
    *,
    resume: bool = False,
    on_error: OnError = "raise",
    client: KismetClient | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Fetch the future substitutions (``/waiting_rooms/{waiting_room_slug}/waiting_room_subs``).

    The API lists future substitutions only, so the table has no history. It costs one request per room.

    Parameters
    ----------
    rooms
        A table of waiting rooms, or their slugs. By default all rooms, which are fetched first.
    resume
        As in ``fetch_calls``.
    on_error
        ``"skip"`` leaves out each room whose list cannot be read. An ``IncompleteWarning`` counts them, without their
        slugs, and the verdict is ``"incomplete"``. By default, the fetch fails.
    client, progress
        As in ``fetch_users``.

    Returns
    -------
    DataFrame
        One row per substitution, room by room, with the columns

        ``waiting_room_slug`` str (the room asked for), ``id`` Int64, ``waiting_room_id`` Int64, ``user_id`` Int64
        (the substitute) and ``sub_waiting_room_slug`` str (both missing until there is a substitute),
        ``datetime_start``, ``datetime_end``, ``created_at`` and ``updated_at`` datetime64[us, UTC].

    Raises
    ------
    NotFoundError
        None of these rooms exists.
    InvalidInputError
        ``rooms`` is neither a table of rooms nor slugs.
    KismetError
        As in ``fetch_users``.

    Warns
    -----
    GoneWarning, IncompleteWarning, SchemaDriftWarning
        As in ``fetch_calls``.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> kn.fetch_waiting_room_subs(["ada-ferris"])  # doctest: +SKIP
    """
    check_on_error(on_error)
    if rooms is None:
        rooms = fetch_waiting_rooms(client=client, progress=progress)
    queries = [nested_list("waiting_room_subs", slug) for slug in keys_in("rooms", rooms, "waiting_rooms", "slug")]
    return fetch_table(chosen_client(client), "waiting_room_subs", queries, progress, resume=resume, on_error=on_error)[
        0
    ]
