"""Replace names, addresses and ids with codes that require a key, and make times coarser."""

from __future__ import annotations

import base64
import contextlib
import hmac
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kismet_nb.errors import InvalidInputError
from kismet_nb.explore.coarse_times import check_time_unit, coarse_times
from kismet_nb.explore.replaced_columns import check_values, columns_to_replace
from kismet_nb.resources import ORGANIZATION
from kismet_nb.tables.provenance import provenance, set_provenance, sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kismet_nb.explore.coarse_times import TimeUnit

__all__ = ["pseudonymize"]

MIN_KEY_BYTES = 32
MAX_EXACT_FLOAT = 2**53  # from here on, a float may stand for several ids
# The provenance that the result keeps. A query, for example, is removed, because it can contain a name.
_RECORDED = frozenset(
    {"api_host", "fetched_at", "filters", "gone", "lists", "made_from", "organizations", "pages", "proof", "resource"}
    | {"resumed", "rows", "skipped", "verdict", "version", "walks"}
)


def pseudonymize(
    df: pd.DataFrame,
    *,
    key: str | bytes,
    columns: Iterable[str] = (),
    keep: Iterable[str] = (),
    ids: bool = False,
    dates: TimeUnit | None = None,
) -> pd.DataFrame:
    """Replace names and addresses with codes, and with ``ids=True`` also ids, for people who need counts only.

    The same value and the same key give the same code in every column, table and run. So tables can still be joined and
    compared: an ``email`` has the same code in users and in invites, and the ``id`` of a user has the same code as
    ``organization_user_id`` in that user's calls. Without the key, nobody can compute the code of a name or an id.

    For an extract that you give away, use ``ids=True``, ``dates="month"`` and ``small_groups``.

    Parameters
    ----------
    df
        A table of this toolkit, or one made from it. ``describe`` shows which documented columns are personal.
    key
        At least 32 bytes, or a text of at least 32 bytes in UTF-8. Make one with
        ``python -c "import secrets; print(secrets.token_hex(32))"``. Store it like a password, outside of the
        notebook: ``key=os.environ["PSEUDONYM_KEY"]``.
    columns
        More columns to replace: undocumented ones, or documented ones, for example ``organization_name``. They contain
        text or, with ``ids=True``, also whole numbers.
    keep
        Columns to keep because you know that they are not personal: undocumented ones, for example your own counts,
        and with ``ids=True`` also ids and labels, for example ``organization``.
    ids
        Whether to replace ids too: every documented id, session and recording key. The name of an organization and
        the label ``organization`` of a store are also replaced. So are the text of ``error`` and the ``description``
        of a role, because they can contain an id or a name.
    dates
        ``"day"``, ``"week"`` (from Monday), ``"month"``, ``"quarter"`` or ``"year"``. Every time is replaced by the
        start of that unit, in the columns of the API, of a summary, of a store, and your own, including those in
        ``keep``. The unit is in the column's own zone, which is UTC after a fetch. For the months of another zone,
        first convert the column with ``dt.tz_convert``.

    Returns
    -------
    DataFrame
        A new table with the same columns. A code has 16 letters and digits (``str``, also for an id). All other
        columns keep their dtype and zone, and missing values stay missing. With ``ids`` or ``dates``, the rows have a
        random order and a new index, because the API's order shows who joined first.

        Only ``attrs["kismet"]`` is kept, and only what a fetch records in it. ``pseudonymized`` names the columns,
        ``coarse_times`` is ``dates``, and ``pseudonym_key`` differs for different keys without revealing anything
        about a key.

    Raises
    ------
    InvalidInputError
        The key is too short, the index contains data, or the table is already an extract. A column to replace does not
        exist, or contains values other than text (or ids). Or a column is unknown: it is neither documented nor added
        by a summary or a store, and ``columns`` and ``keep`` do not name it.

        With ``ids`` or ``dates`` also if a documented column contains values of another kind, or ``roles`` contains an
        undocumented role: if you know these values, name the column in ``keep``. With ``dates`` also if a column of
        another dtype contains times, or a number of days would reveal a time.

    Notes
    -----
    The result is still personal data. Pseudonyms do not protect against the following:

    - People in small groups can be identified, for example by a unique role or by the month of joining.
      ``small_groups`` finds them.
    - Without ``ids``, anyone with access to Kismet can look up an ``id``. Without ``dates``, a person can be recognised
      by the time of joining.
    - Anyone with the key can compute the code of a name or an id and search for it.
    - Equal values have equal codes, so the most frequent ones can be guessed. A person with an unusual number of calls
      can be recognised.
    - ``state``, ``status``, ``theme`` and ``participant_type`` stay as sent, because they are the server's own codes.
      The names in the table of roles stay too.
    - ``attrs["kismet"]`` keeps the server, the time of the fetch, and the days of a filter.

    With ``dates="month"``, the summaries of the result are by month or year. Those that need days raise an error.

    A link to a waiting room and its slug have different codes. If a user, a call and a room have the same id, they have
    the same code. For tables of several organizations, join on ``organization`` and the id.

    Examples
    --------
    >>> users = pd.DataFrame({"id": [11], "email": ["ada.ferris@example.org"]})
    >>> pseudonymize(users, key="only an example, not a secret key")["email"].tolist()
    ['tsjtrdlklf4jhxmw']

    A user and a call of that user, with codes for both:

    >>> key = "only an example, not a secret key"
    >>> calls = pd.DataFrame({"organization_user_id": [11], "created_at": pd.to_datetime(["2026-02-17T15:00Z"])})
    >>> coded = pseudonymize(calls, key=key, ids=True, dates="month")
    >>> coded["created_at"].tolist()
    [Timestamp('2026-02-01 00:00:00+0000', tz='UTC')]
    >>> coded["organization_user_id"].tolist() == pseudonymize(users, key=key, ids=True)["id"].tolist()
    True
    """
    secret = _secret(key)
    check_time_unit(dates)
    kept = _names(keep, "keep")
    replaced = columns_to_replace(df, _names(columns, "columns"), kept, ids=ids)
    _refuse_extract(df, replaced)
    result = df
    if ids or dates:
        others = [name for name in df.columns if name not in replaced]
        check_values(df, (name for name in others if name not in kept))
        result = _used_categories(df)
    if dates:
        result = _with_columns(result, coarse_times(df[others], dates, kept))
    result = _with_columns(result, {name: _codes(df[name], secret, ids=ids) for name in replaced})
    if ids or dates:
        result = _shuffled(result, secret)
    result.attrs = {}
    recorded = {name: value for name, value in provenance(df).items() if name in _RECORDED}
    if "organizations" in recorded and (ORGANIZATION in replaced or (ids and ORGANIZATION not in kept)):
        recorded["organizations"] = [_code(str(name), secret) for name in recorded["organizations"]]
    # Older files contain this fingerprint of their key, so the text must stay the same.
    recorded |= {"pseudonymized": replaced, "pseudonym_key": _code("which key this is", secret)[:6]}
    set_provenance(result, recorded | ({"coarse_times": dates} if dates else {}))
    return result


def _refuse_extract(df: pd.DataFrame, replaced: list[str]) -> None:
    """Refuse a table of an extract: codes of codes would join with nothing, and the record of its times would be lost.

    A summary of an extract is refused if one of the columns to replace has codes.
    """
    recorded = provenance(df)
    coded = {name for source in sources(df) for name in source.get("pseudonymized", ())}
    codes = recorded.get("pseudonymized") or [name for name in replaced if name in coded]
    found = f"codes in {', '.join(map(str, codes))}" if codes else f"times by {recorded.get('coarse_times')}"
    if codes or recorded.get("coarse_times"):
        raise InvalidInputError(
            f"This table already has {found}. Start from the fetched table, and pass all options in one call."
        )


def _used_categories(df: pd.DataFrame) -> pd.DataFrame:
    """Return the table without categories that no row has, because a file would contain them."""
    categorical = [name for name in df.columns if isinstance(df[name].dtype, pd.CategoricalDtype)]
    return _with_columns(df, {name: df[name].cat.remove_unused_categories() for name in categorical})


def _with_columns(df: pd.DataFrame, columns: Mapping[Any, pd.Series[Any]]) -> pd.DataFrame:
    """Return the table with some columns replaced. ``assign`` takes only names that are text."""
    result = df.copy(deep=False)
    for name, column in columns.items():
        result[name] = column
    return result


def _shuffled(df: pd.DataFrame, secret: bytes) -> pd.DataFrame:
    """Return the rows in an order that depends on the key and the columns, and not on the values.

    Tables of other columns have another order. Otherwise a table whose order is known, for example a summary by day,
    would reveal the order of every table with as many rows.
    """
    columns = "order of the rows" + "\n".join(map(str, df.columns))
    seed = int.from_bytes(hmac.digest(secret, columns.encode("utf-8", "surrogatepass"), "sha256"))
    return df.iloc[np.random.default_rng(seed).permutation(len(df))].reset_index(drop=True)


def _secret(key: object) -> bytes:
    secret = key
    if isinstance(key, str):
        # The error for a lone surrogate would contain the key.
        with contextlib.suppress(UnicodeEncodeError):
            secret = key.encode()
    if isinstance(secret, bytes) and len(secret) >= MIN_KEY_BYTES:
        return secret
    raise InvalidInputError(
        f"key must be UTF-8 text or bytes, and at least {MIN_KEY_BYTES} bytes long, so that nobody can guess it. "
        "Make one with: "
        'python -c "import secrets; print(secrets.token_hex(32))"'
    )


def _names(names: object, argument: str) -> set[str]:
    if isinstance(names, str):
        raise InvalidInputError(f"{argument} must be a list of column names: {argument}=[{names!r}].")
    try:
        return set(names)  # type: ignore[call-overload, no-any-return]
    except TypeError:
        pass
    raise InvalidInputError(f"{argument} must be a list of column names. Leave it out if there are no such columns.")


def _codes(column: pd.Series[Any], secret: bytes, *, ids: bool) -> pd.Series[Any]:
    """Return a code for each text and, with ``ids``, each whole number. The id 11 has the code of the text "11"."""
    present = column[column.notna()]
    if not all(isinstance(value, str) or (ids and _is_whole_number(value)) for value in present):
        allowed = "text and whole numbers" if ids else "text"
        raise InvalidInputError(
            f"{column.name} contains values other than {allowed}. Convert it with astype(str) first, or drop it."
        )
    codes = {value: _code(value if isinstance(value, str) else str(int(value)), secret) for value in present.unique()}
    # column.map would make an index of the texts, which cannot contain a lone surrogate.
    return pd.Series([codes.get(value) for value in column], column.index, dtype="str")


def _is_whole_number(value: Any) -> bool:  # noqa: ANN401 - any cell
    if isinstance(value, float | np.floating):  # after a merge, ids can be floats
        return value.is_integer() and abs(float(value)) < MAX_EXACT_FLOAT
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _code(text: str, secret: bytes) -> str:
    """Return a code of 80 bits, so that two names practically never have the same code."""
    digest = hmac.digest(secret, text.encode("utf-8", "surrogatepass"), "sha256")
    return base64.b32encode(digest[:10]).decode().lower()
