"""Measure tables with Spark in a separate process, which ``conftest.py`` starts.

Reads a JSON object with the files of each table from stdin. Writes dtypes and measures of each table as JSON to the
file that is its first argument. Warnings are errors, except PySpark's warning about pandas.
"""

import json
import sys
import warnings
from pathlib import Path

from engines.spark_session import local_session

TOTALS = {
    "string": "sum(char_length({}))",
    "array<string>": "sum(size({}))",
    "boolean": "count_if({})",
    "timestamp": "sum(unix_millis({0}) + hour({0}))",
    "timestamp_ntz": "sum(unix_millis(to_utc_timestamp({0}, 'UTC')) + hour({0}))",
}


def measures(spark, files):
    """Return dtypes and measures of a table's files, computed by Spark."""
    frame = spark.read.parquet(*files)
    dtypes = dict(frame.dtypes)
    pieces = ["count(*)"]
    for name, dtype in dtypes.items():
        pieces += [f"count({name})", TOTALS.get(dtype, "sum({})").format(name)]
    found = frame.selectExpr(*pieces).first()
    counts = {name: [found[1 + 2 * place], found[2 + 2 * place] or 0] for place, name in enumerate(dtypes)}
    return dtypes, {"rows": found[0], **counts}


if __name__ == "__main__":
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    with local_session() as session, Path(sys.argv[1]).open("w") as out:
        json.dump({table: measures(session, files) for table, files in json.load(sys.stdin).items()}, out)
