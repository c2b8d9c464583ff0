"""The demo organization that most tests share, and its client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from witness import TODAY, Witness

from kismet_nb.demo.organization import DemoOrganization

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def demo() -> Iterator[DemoOrganization]:
    """Return the organization that most tests share."""
    with DemoOrganization(today=TODAY) as organization:
        yield organization


@pytest.fixture(scope="session")
def api(demo: DemoOrganization) -> Iterator[Witness]:
    """Return a client with the right credentials."""
    witness = Witness(demo)
    with witness.session:
        yield witness


@pytest.fixture(scope="session")
def calls(api: Witness) -> dict[int, list[dict[str, Any]]]:
    """Return the calls of every user, by the user's id."""
    return {user["id"]: api.calls(user["id"]) for user in api.users()}
