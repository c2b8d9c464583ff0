"""Syncs of several organizations as tasks of Spark leave no secret in its logs."""

import pytest
from engines.conftest import SECRETS, run_python
from store.clinic import stored_text

import kismet_nb as kn

pytestmark = [pytest.mark.engines, pytest.mark.slow]


@pytest.mark.parametrize(("leak", "places"), [(False, set()), (True, {"output", "events"})])
def test_the_logs_of_spark_have_no_secret(clinics, credentials_folder, tmp_path, leak, places):
    """The output of Spark, its event log and the store have none. A secret in a job's name or a log is found."""
    events = tmp_path / "events"
    events.mkdir()
    arguments = [tmp_path / "store", events, SECRETS["clinic-a"] if leak else "", *clinics]
    output = run_python("spark_syncs.py", *arguments, env={"CREDENTIALS_FOLDER": str(credentials_folder)})
    found = {"output": output, "events": stored_text(events), "store": stored_text(tmp_path / "store")}

    assert set(clinics) == set(kn.read_store(tmp_path / "store", "calls")["organization"])
    assert "INFO TaskSetManager: Finished task" in found["output"]
    assert "SparkListenerJobEnd" in found["events"]
    assert places == {place for place, text in found.items() if any(secret in text for secret in SECRETS.values())}
