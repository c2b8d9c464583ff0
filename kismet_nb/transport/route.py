"""Read from the environment how to reach the API: the proxy and the trusted certificates."""

from __future__ import annotations

import os
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests
import requests.utils

from kismet_nb.auth.credentials import is_loopback
from kismet_nb.errors import InvalidInputError

__all__ = ["Route", "find_route"]

PROXY_VARIABLES = "HTTPS_PROXY or ALL_PROXY"


@dataclass(frozen=True, slots=True, repr=False)
class Route:
    """How to reach the API. It has no repr, because a proxy's address may contain a password."""

    proxies: dict[str, str]
    tls: ssl.SSLContext | None


def find_route(api_url: str) -> Route:
    """Read proxies and trusted certificates from the environment.

    Raises
    ------
    InvalidInputError
        The environment names a proxy or certificates that cannot be used.
    """
    if not api_url.startswith("https"):
        return Route({}, None)  # plain http is used only for this machine
    with requests.Session() as session:
        settings = session.merge_environment_settings(api_url, {}, None, None, None)
    # requests has applied NO_PROXY already. This machine is never reached through a proxy.
    proxy = settings["proxies"].get("https") or settings["proxies"].get("all")
    if is_loopback(urlsplit(api_url).hostname or ""):
        proxy = None
    named = settings["verify"] if isinstance(settings["verify"], str) else os.environ.get("SSL_CERT_FILE")
    trusted = Path(named or requests.utils.DEFAULT_CA_BUNDLE_PATH)
    del settings  # a verbose traceback would show a proxy's password
    if proxy and not _is_usable_proxy(proxy):
        del proxy
        raise InvalidInputError(f"{PROXY_VARIABLES} must be an address that begins with http:// or https://.")
    return Route({"https": proxy} if proxy else {}, _tls_context(trusted))


def _is_usable_proxy(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        return (
            parts.scheme in {"http", "https"}
            and bool(re.fullmatch(r"[^\s/?#]+", parts.hostname or ""))
            and parts.port != 0
        )
    except ValueError:
        return False


def _tls_context(trusted: Path) -> ssl.SSLContext:
    """Return one context for all connections, because loading certificates is slow."""
    try:
        if trusted.is_dir():
            return ssl.create_default_context(capath=trusted)
        return ssl.create_default_context(cafile=trusted)
    except OSError:
        pass
    raise InvalidInputError(
        "REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or SSL_CERT_FILE does not name a file with certificates. Correct it."
    )
