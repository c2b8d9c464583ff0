"""Reports: a notebook is executed and its results become one HTML page.

A report's notebook imports the functions below.
"""

from kismet_nb.reports.display import html_table, metric_cards
from kismet_nb.reports.report import report_period

__all__ = ["html_table", "metric_cards", "report_period"]
