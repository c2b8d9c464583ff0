"""Where a table came from: ``attrs["kismet"]``, read and written only here.

A fetched table records its fetch. A summary records under ``made_from`` the fetches of the tables that it was made
from, as far as these are recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kismet_nb.resources import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

__all__ = ["PROVENANCE", "provenance", "provenance_lines", "row_resource", "set_provenance", "set_sources", "sources"]

PROVENANCE = "kismet"  # the key in attrs
MADE_FROM = "made_from"
_SOURCE_KEYS = ("resource", "filters", "api_host", "fetched_at", "rows", "verdict", "pseudonymized", "coarse_times")


def provenance(df: pd.DataFrame) -> dict[str, Any]:
    """Return the provenance of a table, or an empty dictionary if it has none."""
    recorded = df.attrs.get(PROVENANCE)
    return dict(recorded) if isinstance(recorded, dict) else {}


def set_provenance(df: pd.DataFrame, recorded: Mapping[str, Any]) -> None:
    """Replace the provenance of a table."""
    df.attrs[PROVENANCE] = dict(recorded)


def set_sources(df: pd.DataFrame, *tables: pd.DataFrame | None) -> pd.DataFrame:
    """Record the tables that a summary was made from, first the one whose rows it lists. Return the summary."""
    df.attrs = {}
    made_from = [source for table in tables if table is not None for source in sources(table)]
    if made_from:
        set_provenance(df, {MADE_FROM: made_from})
    return df


def sources(df: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the fetches that a table was made from: its own, or those of the tables that it was made from."""
    recorded = provenance(df)
    if isinstance(recorded.get(MADE_FROM), list):
        return [dict(source) for source in recorded[MADE_FROM] if isinstance(source, dict)]
    own = {key: recorded[key] for key in _SOURCE_KEYS if recorded.get(key) not in (None, [])}
    if own and recorded.get("rows", len(df)) != len(df):
        own["rows_used"] = len(df)
    return [own] if own else []


def row_resource(df: pd.DataFrame) -> str | None:
    """Return the resource whose rows a table lists: its own, or that of the first table that it was made from."""
    found = next((source.get("resource") for source in sources(df)), None)
    return None if found is None else str(found)


def provenance_lines(df: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the provenance as pairs of name and text, for readers.

    A pivot keeps the ``attrs`` of its table. If key columns are missing, the table is described as made from a fetch.
    """
    recorded = provenance(df)
    resource = RESOURCES.get(str(recorded.get("resource")))
    if MADE_FROM in recorded or (resource is not None and not set(resource.key) <= set(df.columns)):
        return [("made from", _source_text(source)) for source in sources(df)]
    return [
        (str(key), ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value))
        for key, value in recorded.items()
    ]


def _source_text(source: dict[str, Any]) -> str:
    """Return one fetch as text: table, host, time, rows and verdict, as far as they are recorded."""
    filters, changed = source.get("filters"), source.get("pseudonymized")
    rows = (
        f"{source['rows_used']} of {source.get('rows')} rows" if "rows_used" in source else f"{source.get('rows')} rows"
    )
    parts = [
        str(source.get("resource", "a table")) + (f" of {source['api_host']}" if "api_host" in source else ""),
        f"fetched {source['fetched_at']}" if "fetched_at" in source else "",
        rows if "rows" in source else "",
        str(source.get("verdict", "")),
        f"filtered by {', '.join(map(str, filters))}" if filters else "",
        f"with pseudonyms in {', '.join(map(str, changed))}" if changed else "",
        f"with times by {source['coarse_times']}" if "coarse_times" in source else "",
    ]
    return ", ".join(part for part in parts if part)
