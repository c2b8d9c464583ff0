"""Former home of the functions that a report's notebook uses; ``kismet_nb.reports`` has them now."""

from kismet_nb.reports.report import listing, numbers, period, report

__all__ = ["listing", "numbers", "period", "report"]
