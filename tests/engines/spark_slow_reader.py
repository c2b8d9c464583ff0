"""Read a DataFrame of Spark, wait for a line on stdin, and read it again; for ``test_removed_versions.py``.

Prints the number of ids, then the sum of ids or the error.
"""

import json
import sys

from engines.spark_session import local_session

if __name__ == "__main__":
    with local_session() as session:
        frame = session.read.parquet(*json.loads(sys.stdin.readline()))
        print(frame.selectExpr("count(id)").first()[0], flush=True)
        sys.stdin.readline()
        try:
            print(frame.selectExpr("sum(id)").first()[0])
        except Exception as error:  # noqa: BLE001 - the test checks it
            print(error)
