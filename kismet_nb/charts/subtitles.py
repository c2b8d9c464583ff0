"""Parts of a chart's subtitle: counts, rows that are not shown, and incomplete periods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from kismet_nb.charts.marks import add_spans

if TYPE_CHECKING:
    from kismet_nb.summaries.periods import Period

__all__ = ["count_of", "incomplete_note", "undated_note"]


def count_of(number: int, noun: str) -> str:
    """Return a number with its noun, for example ``"1,204 calls"``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def undated_note(table: pd.DataFrame, by: Period, column: str) -> str:
    """Return a note on the rows that are not in the chart because their date is missing."""
    undated = int(table.loc[table[by].isna(), column].sum())
    return f"; {undated:,} without a date are not shown" if undated else ""


def incomplete_note(table: pd.DataFrame, by: Period, what: str = "") -> str:
    """Return a note on the first and the last period if they have only some of their days, or ``what`` of them."""
    spans = add_spans(table, by)
    period_days = (spans["to"] - spans["from"]).dt.days
    ends = {"first": spans.index[:1], "last": spans.index[1:][-1:]}
    note = ""
    for which, rows in ends.items():
        for row in rows:
            days = spans["days"][row]
            if pd.notna(days) and days < period_days[row]:
                has = f"has {what} {days}" if what else f"has {days}"
                note += f"; the {which} {by} {has} of its {period_days[row]} days"
    return note
