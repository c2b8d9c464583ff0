"""Replace names and addresses by codes that can be made only with a key."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb.errors import InvalidInputError
from kismet_nb.resources import RESOURCES
from kismet_nb.tables.provenance import provenance, row_resource, set_provenance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kismet_nb.resources import Resource

__all__ = ["pseudonymize"]

MIN_KEY_BYTES = 32
# Columns that the summaries add, if they hold numbers, truth values or times. Their columns field and value are not
# among them: they hold names of roles, which may be names of people.
SUMMARY_COLUMNS = frozenset(
    {"calls", "calls_known", "day", "days", "days_since_call", "days_since_expiry", "fail_rate_percent", "first_day"}
    | {"invites", "last_call", "last_day", "month", "new_users", "owner_known", "share", "users", "week", "year"}
)


def pseudonymize(
    df: pd.DataFrame, *, key: str | bytes, columns: Iterable[str] = (), keep: Iterable[str] = ()
) -> pd.DataFrame:
    """Replace names and addresses by codes, for people who need counts and not names.

    The same text and the same key give the same code in every column, table and run. So tables can still be joined and
    compared: an ``email`` has one code in users and in invites. Without the key, nobody can compute the code of a name.

    Parameters
    ----------
    df
        A table of this toolkit, or one made from it. ``describe`` shows which documented columns are personal.
    key
        At least 32 bytes, or a text of that length. Make one with
        ``python -c "import secrets; print(secrets.token_hex(32))"``. Store it like a password, outside of the
        notebook: ``key=os.environ["PSEUDONYM_KEY"]``.
    columns
        More columns of text to replace: those that the API does not document, and documented ones, for example
        ``organization_name``.
    keep
        Columns that the API does not document and that are not personal, for example your own counts.

    Returns
    -------
    DataFrame
        A new table with the same columns and dtypes. A code is 16 letters and digits (``str``); missing stays
        missing. Of ``attrs``, only ``attrs["kismet"]`` is kept. In it, ``pseudonymized`` names the columns, and
        ``pseudonym_key`` differs for different keys without revealing anything about a key.

    Raises
    ------
    InvalidInputError
        The key is too short; a column is neither documented, nor a number or time of a summary, nor named in
        ``columns`` or ``keep``; a column to replace is absent or holds values other than text; or the index holds data.

    Notes
    -----
    The result is still personal data. Pseudonyms do not protect against the following:

    - Ids, times and roles stay. A person can be recognised by a unique role or by the time of joining. Anyone with
      access to Kismet can look up an ``id``.
    - People in small groups can be identified.
    - Anyone with the key can compute the code of a name and look for it.
    - Equal texts have equal codes, so the most frequent ones can be guessed.

    A link to a waiting room and its slug get different codes.

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
    # Older files hold this fingerprint of their key, so its text must stay the same.
    fingerprint = _code("which key this is", secret)[:6]
    result.attrs = {}
    set_provenance(result, {**provenance(df), "pseudonymized": personal, "pseudonym_key": fingerprint})
    return result


def _secret(key: object) -> bytes:
    secret = key.encode() if isinstance(key, str) else key
    if isinstance(secret, bytes) and len(secret) >= MIN_KEY_BYTES:
        return secret
    raise InvalidInputError(
        f"key must have at least {MIN_KEY_BYTES} bytes, so that nobody can guess it. Make one with: "
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


def _personal(df: object, columns: set[str], keep: set[str]) -> list[str]:
    """Return the columns to replace. Refuse a table in which a name could remain."""
    if not isinstance(df, pd.DataFrame):
        raise InvalidInputError(f"pseudonymize takes a pandas DataFrame, not {type(df).__name__}.")
    if df.columns.has_duplicates or df.columns.nlevels > 1:
        raise InvalidInputError("Column names must be different and of one level. Rename them first.")
    if df.index.name is not None or not (pd.api.types.is_integer_dtype(df.index.dtype) or not len(df)):
        raise InvalidInputError("The index may hold names. Call df.reset_index() first to make it a column.")
    absent = sorted((columns | keep) - set(df.columns))
    if absent:
        raise InvalidInputError(f"The table has no column {', '.join(absent)}.")
    documented = _documented(RESOURCES.get(str(row_resource(df))))
    contradicted = sorted(keep & (columns | documented.keys()))
    if contradicted:
        raise InvalidInputError(
            f"keep is for columns that the API does not document, and that are not to be replaced. Leave out: "
            f"{', '.join(contradicted)}. To remove a column, use df.drop(columns=...)."
        )
    harmless = {name for name in SUMMARY_COLUMNS & set(df.columns) if df[name].dtype.kind in "iufbM"}
    known = documented.keys() | columns | keep | harmless
    unknown = [str(name) for name in df.columns if name not in known]
    if unknown:
        raise InvalidInputError(
            f"It is not known whether these columns hold names: {', '.join(unknown)}. Name each in columns=[...] to "
            "replace it, or in keep=[...] to keep it."
        )
    return [name for name in df.columns if name in columns or documented.get(name)]


def _documented(resource: Resource | None) -> dict[str, bool]:
    """Return for each documented column whether it is personal: by the table's own declaration, otherwise by any."""
    personal: dict[str, bool] = {}
    for column in (column for declared in RESOURCES.values() for column in declared.columns):
        personal[column.name] = column.personal or personal.get(column.name, False)
    if resource is not None:
        personal |= {column.name: column.personal for column in resource.columns}
    return personal


def _codes(column: pd.Series[Any], secret: bytes) -> pd.Series[Any]:
    """Return a code for each text."""
    present = column[column.notna()]
    if not all(isinstance(text, str) for text in present):
        raise InvalidInputError(
            f"{column.name} holds values other than text. Convert it with astype(str) first, or drop it."
        )
    codes = {text: _code(text, secret) for text in present.unique()}
    # column.map would make an index of the texts, which cannot hold half a surrogate pair.
    return pd.Series([codes.get(text) for text in column], column.index, dtype="str")


def _code(text: str, secret: bytes) -> str:
    """Return a code of 80 bits, so that two names in a million tables hardly ever have the same."""
    digest = hmac.new(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    return base64.b32encode(digest[:10]).decode().lower()
