"""Sync organizations as tasks of Spark; ``test_spark_logs.py`` starts this script.

The arguments are the store, the folder of the event log, a secret to leak or an empty string, and the organizations.
"""

import sys
from pathlib import Path

from engines.spark_session import local_session
from engines.tasks import sync_organization, sync_with

if __name__ == "__main__":
    store, events, secret, *organizations = sys.argv[1:]
    logging = Path(__file__).with_name("log4j2.properties")
    options = {
        "driver.extraJavaOptions": f"-Dlog4j2.configurationFile={logging.as_uri()}",
        "eventLog.enabled": "true",
        "eventLog.compress": "false",
        "eventLog.dir": Path(events).as_uri(),
    }
    with local_session(**options) as session:
        tasks = session.sparkContext.parallelize(organizations, len(organizations))
        if secret:
            session.sparkContext.setJobDescription(f"sync with {secret}")
            print(tasks.map(lambda name: sync_with(secret, store, name)["rows"].sum()).collect())
        else:
            print(tasks.map(lambda name: sync_organization(store, name)["rows"].sum()).collect())
