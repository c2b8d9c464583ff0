"""What the workers of Dask and Spark run."""

import logging
import os
from pathlib import Path

import kismet_nb as kn


def sync_organization(folder, organization):
    """Sync with the credentials of a file that the worker's environment names. A task takes names only."""
    file = Path(os.environ["CREDENTIALS_FOLDER"], f"{organization}.env")
    with kn.KismetClient.from_env(file=file, page_size=10, retries=0, timeout=10) as client:
        return kn.sync(folder, "calls", organization=organization, client=client)


def sync_with(secret, folder, organization):
    """Do what no task should: take the secret as an argument, and log it."""
    logging.getLogger("distributed.worker").warning("The secret is %s.", secret)
    return sync_organization(folder, organization)
