"""A fixture with the organization that the tests of the store sync."""

import pytest
from store.clinic import open_clinic


@pytest.fixture
def clinic():
    """Serve an organization with two users, three calls and one role."""
    with open_clinic() as clinic:
        yield clinic
