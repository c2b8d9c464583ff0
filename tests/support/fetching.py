"""Clients of a faulty server, and fetches through them."""

import contextlib

from support.faulty_server import CLIENT_ID, SECRET, serving

import kismet_nb as kn


@contextlib.contextmanager
def client_of(answer, *, tls=None, **options):
    """Serve ``answer`` and yield a client of that server. ``options`` are the client's."""
    with serving(answer, tls) as (url, _), kn.KismetClient(CLIENT_ID, SECRET, api_url=url, **options) as client:
        yield client


def fetch_users_from(answer, **options):
    """Fetch users from a server, ten per page. ``options`` are the client's."""
    with client_of(answer, **{"timeout": 10, "retries": 2, "page_size": 10, **options}) as client:
        return kn.fetch_users(client=client)


class Recorded:
    """An answer function that records the query of each request in ``queries``."""

    def __init__(self, answer):
        self.answer = answer
        self.queries = []

    def __call__(self, query, count):
        """Record the query and answer it."""
        self.queries.append(query)
        return self.answer(query, count)
