"""Count the requests of clients by endpoint, with retries, refusals, bytes and seconds."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

import pandas as pd

from kismet_nb.resources import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "OTHER",
    "EndpointCounts",
    "Usage",
    "endpoint_of",
    "is_recording",
    "start_recording",
    "stop_recording",
    "usage_table",
]

OTHER = "other"  # a path of client.get() that no resource declares; it is not shown, because it may contain an id
DTYPES = {
    "endpoint": "str",
    "requests": "Int64",
    "retries": "Int64",
    "refusals": "Int64",
    "bytes": "Int64",
    "seconds": "Float64",
}
_PATTERNS = {resource.path: re.compile(re.sub(r"\{\w+\}", "[^/]+", resource.path)) for resource in RESOURCES.values()}


@dataclass(slots=True)
class EndpointCounts:
    """The counts of one endpoint, as ``KismetClient.usage`` explains them."""

    requests: int = 0
    retries: int = 0
    refusals: int = 0
    bytes: int = 0
    seconds: float = 0.0


class Usage:
    """The counts of a client. Threads may count at the same time."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, EndpointCounts] = defaultdict(EndpointCounts)
        self._lock = threading.Lock()
        if _recorded is not None:
            _recorded.append(self)

    def count(self, endpoint: str, *, retry: bool, refused: bool, received: int, seconds: float) -> None:
        """Count one request that was sent."""
        with self._lock:
            counts = self._counts[endpoint]
            counts.requests += 1
            counts.retries += retry
            counts.refusals += refused
            counts.bytes += received
            counts.seconds += seconds

    def set_counts(self, counts: dict[str, list[float]]) -> None:
        """Replace the counts with those of another process, as ``by_endpoint`` returned them there."""
        with self._lock:
            self._counts.clear()
            for endpoint, values in counts.items():
                self._counts[endpoint] = EndpointCounts(*values)  # type: ignore[arg-type] # JSON keeps int and float

    def by_endpoint(self) -> dict[str, list[float]]:
        """Return the counts of each endpoint, in the order of the fields of ``EndpointCounts``."""
        with self._lock:
            return {endpoint: list(astuple(counts)) for endpoint, counts in self._counts.items()}


# The counts of all clients that were made since ``start_recording()``, or None if it was not called.
_recorded: list[Usage] | None = None


def start_recording() -> list[Usage]:
    """Return a list. Each client that is made from now on adds its counts to it."""
    global _recorded  # noqa: PLW0603 - clients are made in many places
    _recorded = []
    return _recorded


def stop_recording() -> None:
    """End the recording of ``start_recording()``."""
    global _recorded  # noqa: PLW0603 - as above
    _recorded = None


def is_recording() -> bool:
    """Return whether the counts of new clients are recorded."""
    return _recorded is not None


def usage_table(usages: Iterable[Usage]) -> pd.DataFrame:
    """Return the summed counts, with one row per endpoint and the most requests first."""
    columns = [field.name for field in fields(EndpointCounts)]
    rows = [(endpoint, *counts) for usage in usages for endpoint, counts in usage.by_endpoint().items()]
    table = pd.DataFrame(rows, columns=["endpoint", *columns]).astype(DTYPES)
    total = table.groupby("endpoint", as_index=False).sum().round({"seconds": 3})
    return total.sort_values(["requests", "endpoint"], ascending=[False, True], ignore_index=True)


def endpoint_of(path: str) -> str:
    """Return the declared endpoint of a path, with names in place of ids, or ``OTHER`` if it is not declared."""
    return next((endpoint for endpoint, pattern in _PATTERNS.items() if pattern.fullmatch(path)), OTHER)
