"""Where a table came from: ``attrs["kismet"]``, read and written here alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

__all__ = ["PROVENANCE", "provenance", "set_provenance"]

PROVENANCE = "kismet"  # the key in attrs


def provenance(df: pd.DataFrame) -> dict[str, Any]:
    """Return what a table records of where it came from; an empty dictionary if it was not fetched."""
    recorded = df.attrs.get(PROVENANCE)
    return dict(recorded) if isinstance(recorded, dict) else {}


def set_provenance(df: pd.DataFrame, recorded: Mapping[str, Any]) -> None:
    """Record in a table where it came from."""
    df.attrs[PROVENANCE] = dict(recorded)
