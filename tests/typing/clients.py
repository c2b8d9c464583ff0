"""Types of clients, logins and errors, as a type checker sees them. mypy reads this file; nothing runs it."""

from __future__ import annotations

import datetime as dt
from typing import Any, assert_type

import pandas as pd

import kismet_nb as kn


def client() -> None:
    """Check KismetClient."""
    assert_type(
        kn.KismetClient(
            "id",
            "secret",
            api_url="https://api.example.org",
            timeout=30,
            retries=5,
            patience=1.5,
            max_in_flight=8,
            page_size=500,
            verify="twice",
            strict=True,
        ),
        kn.KismetClient,
    )
    assert_type(kn.KismetClient.from_env(strict=True), kn.KismetClient)
    with kn.KismetClient(client_id="id", client_secret="secret") as client:
        assert_type(client, kn.KismetClient)
        assert_type(client.get("/organization_users"), Any)
        assert_type(client.get("/organization_users", {"page": 1, "email": "ada.ferris@example.org"}), Any)
        assert_type(client.api_url, str)
        assert_type(client.client_id, str)
        assert_type(client.timeout, float)
        assert_type(client.retries, int)
        assert_type(client.patience, float)
        assert_type(client.max_in_flight, int)
        assert_type(client.page_size, int)
        assert_type(client.strict, bool)
        assert_type(client.usage(), pd.DataFrame)
        client.close()
        client.api_url = "https://elsewhere.example.org"  # type: ignore[misc]
    kn.KismetClient("id", "secret", "https://api.example.org")  # type: ignore[call-arg]
    kn.KismetClient("id", "secret", verify="never")  # type: ignore[arg-type]
    kn.KismetClient("id")  # type: ignore[call-arg]


def logins(client: kn.KismetClient) -> None:
    """Check login(), login_status() and logout()."""
    assert_type(kn.login().client, kn.KismetClient)
    assert_type(kn.login(client).client, kn.KismetClient)
    assert_type(kn.login(client=None, prompt=True, rotate=True).client, kn.KismetClient)
    assert_type(kn.usage(), pd.DataFrame)
    status = kn.login_status()
    assert_type(status.next_source, str | None)
    if status.login is not None:
        assert_type(status.login.client, kn.KismetClient)
        assert_type(status.login.users, int)
        assert_type(status.login.source, str)
    for place in status.places:
        assert_type(place.name, str)
        assert_type(place.note, str)
    kn.logout()
    kn.logout(forget=True)
    kn.login(client, True)  # type: ignore[call-arg] # noqa: FBT003 - a positional flag is refused
    kn.logout(True)  # type: ignore[call-arg] # noqa: FBT003 - as above


def demo() -> None:
    """Check the demo organization."""
    assert_type(kn.use_demo(), kn.DemoOrganization)
    with kn.DemoOrganization(today=dt.date(2026, 11, 24), user_count=3, latency=0.5) as organization:
        assert_type(organization, kn.DemoOrganization)
        assert_type(organization.api_url, str)
        assert_type(organization.client_id, str)
        assert_type(organization.client_secret, str)
        assert_type(organization.running, bool)
        organization.stop()
    kn.DemoOrganization(dt.date(2026, 11, 24))  # type: ignore[call-arg]


def errors(
    error: kn.KismetError, incomplete: kn.IncompleteError, drift: kn.SchemaDriftWarning, gone: kn.GoneWarning
) -> None:
    """Check the attributes and bases of errors and warnings."""
    assert_type(error.status, int | None)
    assert_type(error.retryable, bool)
    assert_type(error.resource, str | None)
    assert_type(error.page, int | None)
    assert_type(error.retry_after, float | None)
    assert_type(incomplete.partial, pd.DataFrame | None)
    every: list[kn.KismetError] = [
        kn.AuthenticationError("text", status=401, resource="users", page=1),
        kn.CredentialsError("text"),
        kn.ExportError("text"),
        kn.IncompleteError("text"),
        kn.InvalidInputError("text"),
        kn.NotFoundError("text", status=404),
        kn.RequestRefusedError("text", status=422, retryable=False),
        kn.SchemaDriftError("text"),
        kn.UnavailableError("text", status=503, retry_after=1.5, retryable=True),
        kn.UnexpectedAnswerError("text"),
    ]
    wrong: ValueError = kn.InvalidInputError("text")
    warnings: list[UserWarning] = [drift, gone]
    del every, wrong, warnings
