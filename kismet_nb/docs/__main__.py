"""``python -m kismet_nb.docs FOLDER [--strict]``: build the site, as ``kismet-nb docs`` does."""

from __future__ import annotations

import sys
from pathlib import Path

from kismet_nb.docs.build import build_site
from kismet_nb.errors import KismetError

if __name__ == "__main__":
    try:
        build_site(Path(sys.argv[1]), strict="--strict" in sys.argv)
    except KismetError as error:
        sys.exit(f"kismet-nb: {error}")
