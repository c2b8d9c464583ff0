"""Reports: execute a notebook and write its outputs as one page, HTML or PDF.

A report's notebook imports the functions below.
"""

from kismet_nb.reports.display import html_table, metric_cards
from kismet_nb.reports.period import period_before, period_days, period_name, report_period
from kismet_nb.reports.units import find_fail_rate_unit

__all__ = [
    "find_fail_rate_unit",
    "html_table",
    "metric_cards",
    "period_before",
    "period_days",
    "period_name",
    "report_period",
]
