"""Decide whether a failed request is tried again, and after how many seconds."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kismet_nb.errors import UnexpectedAnswerError

if TYPE_CHECKING:
    from kismet_nb.errors import KismetError

__all__ = ["RetryPolicy", "seconds_before_retry", "should_retry"]

WAITS = (0.5, 2.0, 4.0, 8.0, 16.0)  # seconds before the first, second … retry: enough for a server down for 30 s
MAX_WAIT = 20.0  # seconds before any further retry
MAX_FORMAT_RETRIES = 1  # after a response that is not JSON: helps with a gateway's failure, not with a wrong address
JITTER = 0.5  # seconds, so that clients that failed together do not retry together


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long one request is tried.

    Attributes
    ----------
    retries
        How often it is tried again.
    patience
        The most seconds from the first try to the last.
    """

    retries: int
    patience: float


def seconds_before_retry(error: KismetError, tries: int) -> float:
    """Return the seconds of a usable Retry-After, otherwise a backoff for this many failed tries, both with jitter."""
    # Ignore a Retry-After below one second: with clock skew any date becomes 0.
    if error.retry_after is not None and error.retry_after >= 1:
        return error.retry_after + random.uniform(0, 0.1)  # noqa: S311 - spreads the requests, nothing secret
    wait = WAITS[tries - 1] if tries <= len(WAITS) else MAX_WAIT
    return wait + random.uniform(0, JITTER)  # noqa: S311 - as above


def should_retry(error: KismetError, policy: RetryPolicy, *, tries: int, elapsed: float, wait: float) -> bool:
    """Return whether a request is tried again after ``wait`` seconds.

    Parameters
    ----------
    error
        The error of the last try.
    policy
        The limits.
    tries
        Failed tries so far.
    elapsed
        Seconds since the first try began.
    wait
        Seconds until the next try would begin.
    """
    retries = policy.retries
    if isinstance(error, UnexpectedAnswerError):
        retries = min(retries, MAX_FORMAT_RETRIES)
    return error.retryable and tries <= retries and elapsed + wait <= policy.patience
