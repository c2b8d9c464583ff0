"""Print the changelog of a release; fail if the tag, the version and the changelog do not agree.

::

    python .ci/release_notes.py v0.1.0
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]


def main(tag: str) -> int:
    """Return 0 if the tag is that of the version in pyproject.toml, and the changelog has a dated entry for it."""
    version = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    changelog = (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")
    entry = re.search(
        rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n(.+?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    if tag != f"v{version}":
        print(f"The tag is {tag}, and the version in pyproject.toml is {version}.", file=sys.stderr)
        return 1
    if entry is None:
        print(f"CHANGELOG.md has no entry '## [{version}] - YYYY-MM-DD'.", file=sys.stderr)
        return 1
    print(entry[1].strip())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
