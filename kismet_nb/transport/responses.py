"""Convert a response to its decoded JSON, or to the error for its status or body."""

from __future__ import annotations

import email.utils
import functools
import json
import math
import re
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from kismet_nb.auth.credentials import masked_unverified
from kismet_nb.auth.discovery import how_to_log_in_again
from kismet_nb.errors import (
    AuthenticationError,
    KismetError,
    NotFoundError,
    RequestRefusedError,
    UnavailableError,
    UnexpectedAnswerError,
)

if TYPE_CHECKING:
    from kismet_nb.auth.credentials import Credentials

__all__ = ["Decoded", "Response", "judge"]


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """A response as plain data, without a reference to a request header.

    It has no repr, because a server may echo the secret and a verbose traceback shows the repr of every variable.
    """

    status: int
    body: bytes
    retry_after: str | None
    location: str | None
    date: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Decoded:
    """The JSON of a successful response. It has no repr, because a verbose traceback would show patients' names.

    Attributes
    ----------
    value
        Any JSON value, including None.
    date
        The server's time of the response in seconds since 1970, or None if it sent no time.
    """

    value: Any
    date: float | None


def judge(response: Response, credentials: Credentials, *, one_of_many: bool) -> Decoded | KismetError:
    """Return the decoded body, or the error for the status or the body.

    Parameters
    ----------
    response
        The response.
    credentials
        The credentials that the error must not show.
    one_of_many
        Whether the request is for one list of many. If it is, a 403 does not mean wrong credentials.
    """
    status = response.status
    if status == 200:
        return _decode(response)
    if 300 <= status < 400 and status != 304:
        return _redirect(response, credentials)
    wait = _seconds_to_wait(response)
    asks = f"; the server asks to wait {wait:.0f} s" if wait else ""
    if status == 403 and _is_web_page(response):
        text = (
            "The response is a web page with status 403: a firewall or a proxy refused the request, not Kismet"
            f"{asks}. Ask your network administrator."
        )
        return UnexpectedAnswerError(text, status=status)
    if status == 403 and one_of_many:
        text = f"These credentials have no permission to read it (403){_reason(response, credentials)}{asks}."
        return RequestRefusedError(text, status=status)
    if status in {401, 403}:
        return AuthenticationError(
            f"The server refused the credentials ({status}; Client ID {masked_unverified(credentials.client_id)}, from "
            f"{credentials.source}){asks}. Possible reasons, the most likely first: a wrong Client ID; a wrong secret; "
            "Client ID and secret swapped; expired credentials; characters lost or added while copying. Copy both "
            "again from the Kismet dashboard. A secret is shown there only once; if it is lost, create new ones. "
            f"{how_to_log_in_again(credentials.source)}",
            status=status,
        )
    if status == 404:
        text = f"It does not exist (404), or these credentials have no permission to read it{asks}."
        return NotFoundError(text, status=status)
    if status == 429:
        text = (
            f"Too many requests (429){asks}. Try again later, or with a lower max_in_flight "
            "(in a terminal: --max-in-flight)."
        )
        return UnavailableError(text, status=status, retry_after=wait)
    if status >= 500:
        return UnavailableError(
            f"The server failed ({status}){asks}. Try again later.", status=status, retry_after=wait
        )
    if 400 <= status < 500:
        text = f"The server refused the request ({status}){_reason(response, credentials)}{asks}. Check the arguments."
        return RequestRefusedError(text, status=status)
    return UnexpectedAnswerError(f"The server responded with status {status} instead of 200. Report it.", status=status)


def _redirect(response: Response, credentials: Credentials) -> UnexpectedAnswerError:
    try:
        target = urlsplit(response.location or "").hostname or ""
    except ValueError:
        target = ""
    to = f" to {target}" if target and not credentials.echoed_in(target) else ""
    return UnexpectedAnswerError(
        f"The server redirects{to}. Redirects are not followed, because the secret is sent only to the address that "
        "it was given for. Check the API's address.",
        status=response.status,
    )


def _reason(response: Response, credentials: Credentials) -> str:
    """Return the server's own reason, shortened, or an empty text if it echoes the secret."""
    try:
        reason = json.loads(response.body)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    if not isinstance(reason, str) or not reason.isprintable() or credentials.echoed_in(reason):
        return ""
    return f": {reason[:200]}"


def _seconds_to_wait(response: Response) -> float | None:
    """Parse a Retry-After header, which is a number or a date. Return None if there is no valid one."""
    text = (response.retry_after or "").strip()
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return float(text)
    until = _parse_http_date(text)
    # Subtract the response's own Date, because the clocks of server and client may differ.
    now = _parse_http_date(response.date or "") or time.time()
    return None if until is None else max(0.0, until - now)


@functools.lru_cache(maxsize=2)  # responses of the same second
def _parse_http_date(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _is_web_page(response: Response) -> bool:
    return response.body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def _decode(response: Response) -> Decoded | UnexpectedAnswerError:
    lasting = False
    if not response.body.strip():
        problem = "The response is empty instead of JSON."
    elif _is_web_page(response):
        problem = (
            "The response is a web page instead of data: probably the login page of a proxy or a network, or the "
            "API's address is wrong."
        )
    else:
        try:
            value = _decoder.decode(response.body.decode("utf-8-sig"))  # some servers begin with a byte order mark
            return Decoded(value, _parse_http_date(response.date or ""))
        except json.JSONDecodeError:
            problem = "The response is not valid JSON."
        except (ValueError, RecursionError):
            problem, lasting = "The response is JSON that cannot be read without loss.", True
    # A temporary failure of a gateway looks the same, so another try may succeed.
    text = f"{problem} Try again. If the problem persists, report it."
    return UnexpectedAnswerError(text, status=response.status, retryable=not lasting)


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object as a dictionary. Raise for a duplicate name, because one of its values would be lost."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("duplicate name in a JSON object")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _parse_number(text: str) -> float | str:
    """Parse a number with a fraction or an exponent. Return the text if a float cannot represent the number."""
    value = float(text)
    vanished = value == 0 and re.search("[1-9]", re.split("[eE]", text)[0])
    rounded = abs(value) >= 2**53 and (math.isinf(value) or Decimal(text) != Decimal(value))
    return text if vanished or rounded else value


# One decoder for all responses: json.loads makes a new one each time, which takes as long as decoding a page.
_decoder = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_parse_number, object_pairs_hook=_make_object)
