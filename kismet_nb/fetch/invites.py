"""Invites to the organization, and the roles that they can grant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from kismet_nb.fetch.arguments import chosen_client, whole_list
from kismet_nb.fetch.table import fetch_table

if TYPE_CHECKING:
    from kismet_nb.transport.client import KismetClient

__all__ = ["fetch_invites", "fetch_roles", "invite_status"]


def fetch_invites(*, client: KismetClient | None = None, progress: bool | None = None) -> pd.DataFrame:
    """Fetch the organization's invites (``/invites``).

    The API describes the list as active invites, so earlier ones may be missing.

    Parameters
    ----------
    client, progress
        As in ``fetch_users``.

    Returns
    -------
    DataFrame
        One row per invite, in the server's order, complete, with the columns

        ``id`` Int64, ``email`` str, ``display_name`` str, ``roles`` object (a list of role names, from newer servers
        only), ``is_admin`` boolean (from older servers only), ``organization_id`` Int64, ``organization_name`` str,
        ``expires_at``, ``used_at`` (missing if not used), ``created_at`` and ``updated_at`` datetime64[us, UTC],
        ``status`` str.

        The API does not send ``status``. It is computed at the time of the fetch: ``used`` if there is a ``used_at``,
        otherwise ``expired`` if ``expires_at`` has passed, otherwise ``open``.

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
    >>> kn.fetch_invites()["status"].value_counts()  # doctest: +SKIP
    """
    invites = fetch_table(chosen_client(client), "invites", whole_list("invites"), progress)[0]
    # If the API sends a status one day, or times that cannot be parsed, its values stay.
    times = ("expires_at", "used_at")
    if invites["status"].isna().all() and all(isinstance(invites[name].dtype, pd.DatetimeTZDtype) for name in times):
        status = invite_status(invites["expires_at"], invites["used_at"], pd.Timestamp.now("UTC"))
        invites["status"] = status.astype(invites["status"].dtype)
    return invites


def invite_status(
    expires_at: pd.Series[pd.Timestamp], used_at: pd.Series[pd.Timestamp], moment: pd.Timestamp
) -> pd.Series[str]:
    """Return the status of invites at this time: used, expired or open; missing if it is not known."""
    status = (expires_at <= moment).map({True: "expired", False: "open"}).mask(expires_at.isna())
    return status.mask(used_at.notna(), "used")


def fetch_roles(*, client: KismetClient | None = None, progress: bool | None = None) -> pd.DataFrame:
    """Fetch the roles that these credentials may assign (``/roles``).

    The table does not say which user has which role. It is empty if the credentials may assign none.

    Parameters
    ----------
    client, progress
        As in ``fetch_users``.

    Returns
    -------
    DataFrame
        One row per role, in the server's order, complete, with the columns ``id`` Int64, ``name`` str (as in the
        invites' ``roles``) and ``description`` str.

    Raises
    ------
    KismetError
        As in ``fetch_users``. Older servers have no such list (``NotFoundError``).

    Warns
    -----
    SchemaDriftWarning
        As in ``fetch_users``.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> kn.fetch_roles()["name"].tolist()  # doctest: +SKIP
    """
    return fetch_table(chosen_client(client), "roles", whole_list("roles"), progress)[0]
