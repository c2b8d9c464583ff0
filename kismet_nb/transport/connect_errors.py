"""Errors for connections that could not be made: because of the name server, the network, a proxy, or TLS."""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING

from kismet_nb.errors import KismetError, RequestRefusedError, UnavailableError, UnexpectedAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["connect_error"]

# By OpenSSL's code for a certificate that it does not trust.
_CERTIFICATE_PROBLEMS = {
    9: "its certificate is not valid yet. Check the date and time of this computer",
    10: "its certificate has expired. Check the date and time of this computer; if they are right, report it to Kismet",
    62: "its certificate is for another host. Check the API's address",
    64: "its certificate is for another host. Check the API's address",
}
_UNKNOWN_ISSUER = (
    "its certificate is from an issuer that is not trusted here. If you use a company proxy, set REQUESTS_CA_BUNDLE "
    "to the file with the company's certificate"
)


def connect_error(error: Exception, host: str, proxies: Mapping[str, str]) -> KismetError:
    """Return this package's error for a connection that could not be made.

    Parameters
    ----------
    error
        The error that requests raised.
    host
        The API's host.
    proxies
        The address of the proxy, if any. It may contain a password, so it is not shown.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            problem = _CERTIFICATE_PROBLEMS.get(cause.verify_code, _UNKNOWN_ISSUER)
            text = f"No trusted TLS connection to {host} could be made, so nothing was sent: {problem}."
            return UnexpectedAnswerError(text)
        if tunnel := re.match(r"Tunnel connection failed: (\d{3})", str(cause)):
            return _proxy_refusal(int(tunnel[1]), host, has_password="@" in "".join(proxies.values()))
    # If a server closes the connection during the handshake, its certificate may be trusted.
    if any(isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError) for cause in causes):
        return UnexpectedAnswerError(
            f"No TLS connection to {host} could be made, so nothing was sent. Check the API's address and the proxy."
        )
    if proxies:
        return UnavailableError(
            f"The proxy could not be reached, or broke the connection to {host}. Check HTTPS_PROXY and NO_PROXY."
        )
    return UnavailableError(f"{host} cannot be reached. Check the network and the address.")


def _proxy_refusal(status: int, host: str, *, has_password: bool) -> KismetError:
    if status == 407 and has_password:
        text = "The proxy refused the user and the password in HTTPS_PROXY (407), which were sent once. Correct them."
        return RequestRefusedError(text, status=status)
    if status == 407:
        text = "The proxy requires a user and a password (407). Set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT."
        return RequestRefusedError(text, status=status)
    if status == 403:
        text = f"The proxy forbids connections to {host} (403). Ask its administrator, or add the host to NO_PROXY."
        return RequestRefusedError(text, status=status)
    if status >= 500:
        return UnavailableError(f"The proxy cannot reach {host} ({status}). Try again later.", status=status)
    return RequestRefusedError(f"The proxy refused to connect to {host} ({status}). Check HTTPS_PROXY.", status=status)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, its causes and contexts, and the errors that it wraps."""
    found = [error]
    for one in found:
        yield one
        inner = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        found += [cause for cause in inner if isinstance(cause, BaseException) and cause not in found]
