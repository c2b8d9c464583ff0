"""Tasks for the workers of Dask and Spark."""

import logging
import os
from pathlib import Path

import kismet_nb as kn


def sync_organization(folder, organization):
    """Sync with credentials from a file in the worker's CREDENTIALS_FOLDER; the arguments are only names."""
    file = Path(os.environ["CREDENTIALS_FOLDER"], f"{organization}.env")
    with kn.KismetClient.from_env(file=file, page_size=10, retries=0, timeout=10) as client:
        return kn.sync(folder, "calls", organization=organization, client=client)


def sync_with(secret, folder, organization):
    """Sync, but leak the secret as no task should: as an argument and in a log."""
    logging.getLogger("distributed.worker").warning("The secret is %s.", secret)
    return sync_organization(folder, organization)
