"""Names and addresses replaced by codes that only the holder of a key can make."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb.errors import InvalidInputError
from kismet_nb.resources import RESOURCES
from kismet_nb.tables.provenance import provenance, set_provenance

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["pseudonymize"]

SHORTEST_KEY = 32  # bytes
# What the summaries add to the API's columns, where it is a number, a truth value or a time. Their columns field and
# value hold the names of roles, which may tell more.
SUMMED_UP = frozenset(
    {"calls", "day", "days", "days_since_call", "days_since_expiry", "fail_rate_percent", "invites", "last_call"}
    | {"month", "new_users", "owner_known", "share", "users", "week", "year"}
)


def pseudonymize(
    df: pd.DataFrame, *, key: str | bytes, columns: Iterable[str] = (), keep: Iterable[str] = ()
) -> pd.DataFrame:
    """Replace names and addresses by codes, for people who need counts and not names.

    The same text and the same key give the same code, in every column, table and run, so tables can still be joined
    and compared: an ``email`` has one code in users and in invites. Without the key, nobody can make a code from a
    name to look it up.

    Parameters
    ----------
    df
        A table of this toolkit, or one made from it. ``describe`` says which documented columns are personal.
    key
        At least 32 bytes, or a text of that length. Make one with
        ``python -c "import secrets; print(secrets.token_hex(32))"`` and keep it as you keep a password, out of the
        notebook: ``key=os.environ["PSEUDONYM_KEY"]``.
    columns
        More columns of text to replace: those that the API does not document, and documented ones such as
        ``organization_name``.
    keep
        Columns that the API does not document and that you know to be harmless, such as your own counts.

    Returns
    -------
    DataFrame
        A new table with the same columns and dtypes. A code is 16 letters and digits (``str``); missing stays
        missing. Of ``attrs``, only ``attrs["kismet"]`` is kept, where ``pseudonymized`` names the columns and
        ``pseudonym_key`` tells tables of different keys apart, without giving anything of a key away.

    Raises
    ------
    InvalidInputError
        The key is too short; a column is neither documented, nor a number or time of a summary, nor named in
        ``columns`` or ``keep``; a column to replace is not there or holds more than text; or the index holds data.

    Notes
    -----
    What it does not protect against: ids, times and roles stay, so a person can be recognised by a role that only
    one has, or by when somebody joined; small groups give away who is in them; whoever holds the key can make the
    code of every name they know, and so find them; equal texts have equal codes, so the most frequent can be
    guessed; an ``id`` leads back to the person for everybody who has access to Kismet. A link to a waiting room
    and its slug get different codes. The result is still data about people: treat it so.

    Examples
    --------
    >>> users = pd.DataFrame({"id": [11], "email": ["ada.ferris@example.org"]})
    >>> pseudonymize(users, key="only an example, not a secret key")["email"].tolist()
    ['tsjtrdlklf4jhxmw']
    """
    secret = _secret(key)
    personal = _personal(df, _names(columns, "columns"), _names(keep, "keep"))
    codes = {name: _codes(df[name], secret) for name in personal}
    result = df.assign(**codes)
    about = {"pseudonymized": personal, "pseudonym_key": _code("which key this is", secret)[:6]}
    result.attrs = {}
    set_provenance(result, {**provenance(df), **about})
    return result


def _secret(key: object) -> bytes:
    secret = key.encode() if isinstance(key, str) else key
    if isinstance(secret, bytes) and len(secret) >= SHORTEST_KEY:
        return secret
    raise InvalidInputError(
        f"key must have at least {SHORTEST_KEY} bytes, so that nobody can guess it. Make one with: "
        'python -c "import secrets; print(secrets.token_hex(32))"'
    )


def _names(names: object, what: str) -> set[str]:
    if isinstance(names, str):
        raise InvalidInputError(f"{what} must be a list of column names: {what}=[{names!r}].")
    try:
        return set(names)  # type: ignore[call-overload, no-any-return]
    except TypeError:
        pass
    raise InvalidInputError(f"{what} must be a list of column names; leave it out if there are none.")


def _personal(df: object, columns: set[str], keep: set[str]) -> list[str]:
    """Return the columns to replace, or refuse a table in which a name could be left."""
    if not isinstance(df, pd.DataFrame):
        raise InvalidInputError(f"pseudonymize takes a pandas DataFrame, not {type(df).__name__}.")
    if df.columns.has_duplicates or df.columns.nlevels > 1:
        raise InvalidInputError("Column names must be different and of one level. Rename them first.")
    if df.index.name is not None or not (pd.api.types.is_integer_dtype(df.index.dtype) or not len(df)):
        raise InvalidInputError("The index may hold names. Call df.reset_index() first to make it a column.")
    absent = sorted((columns | keep) - set(df.columns))
    if absent:
        raise InvalidInputError(f"The table has no column {', '.join(absent)}.")
    own = RESOURCES.get(str(provenance(df).get("resource")))
    judged: dict[str, bool] = {}
    for column in (column for resource in RESOURCES.values() for column in resource.columns):
        judged[column.name] = column.personal or judged.get(column.name, False)
    judged |= {c.name: c.personal for c in own.columns} if own else {}
    contradicted = sorted(keep & columns | {name for name in keep if name in judged})
    if contradicted:
        raise InvalidInputError(
            f"keep is for columns that the API does not document, and that are not to be replaced. Leave out: "
            f"{', '.join(contradicted)}. To be rid of a column, use df.drop(columns=...)."
        )
    harmless = {name for name in SUMMED_UP & set(df.columns) if df[name].dtype.kind in "iufbM"}
    unknown = [str(name) for name in df.columns if name not in judged and name not in columns | keep | harmless]
    if unknown:
        raise InvalidInputError(
            f"Nobody has said whether these columns hold names: {', '.join(unknown)}. Name each in columns=[...] to "
            "replace it, or in keep=[...] to leave it."
        )
    return [name for name in df.columns if name in columns or judged.get(name)]


def _codes(column: pd.Series[Any], secret: bytes) -> pd.Series[Any]:
    """Return a code for each text."""
    present = column[column.notna()]
    if not all(isinstance(text, str) for text in present):
        raise InvalidInputError(f"{column.name} holds more than text. Convert it with astype(str) first, or drop it.")
    codes = {text: _code(text, secret) for text in present.unique()}
    # Not column.map: it makes an index of the texts, which cannot hold half a surrogate pair.
    return pd.Series([codes.get(text) for text in column], column.index, dtype="str")


def _code(text: str, secret: bytes) -> str:
    """Return 80 bits, so that two names in a million tables hardly ever share a code."""
    digest = hmac.new(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    return base64.b32encode(digest[:10]).decode().lower()
