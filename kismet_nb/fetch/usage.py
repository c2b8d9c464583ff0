"""The requests of this notebook's login."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kismet_nb.fetch.arguments import chosen_client

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["usage"]


def usage() -> pd.DataFrame:
    """Return what this notebook's login has requested so far, by endpoint.

    It counts from the login, which is one request, to the next login. Later, ``login.client.usage()`` returns the
    counts of the earlier one, if ``login`` is what ``kn.login()`` returned.

    Returns
    -------
    DataFrame
        One row per endpoint, as in ``KismetClient.usage``, with the columns

        ``endpoint`` str, ``requests``, ``retries``, ``refusals`` and ``bytes`` Int64, ``seconds`` Float64.

    Raises
    ------
    CredentialsError
        Nobody is logged in.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> kn.usage()[["endpoint", "requests", "refusals"]]  # doctest: +SKIP
                                           endpoint  requests  refusals
    0  /organization_users/{organization_user_id}/calls       131         2
    1                           /organization_users         3         0
    """
    return chosen_client(None).usage()
