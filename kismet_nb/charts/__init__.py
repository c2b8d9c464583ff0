"""Charts of the summaries. The title is the question that a chart answers; axes have the unit or the time zone.

A chart function has the arguments of the summary of the same name, and returns an Altair chart. It raises
``InvalidInputError`` if the summary does, if there are too many periods to draw, or if Altair is not installed. Colours
differ in lightness, so charts can be read in black and white. ``chart.save("x.png")`` and ``"x.svg"`` work offline and
without a browser.

A notebook displays a chart without the internet. Text and background follow the theme, and each mark has a tooltip.
Altair's own settings do not change. If the notebook enables a renderer with ``altair.renderers.enable``, that renderer
displays the chart. ``style`` gives a chart of your own the same look.
"""

from __future__ import annotations

from kismet_nb.charts.call_metrics import fail_rate, wait_and_duration
from kismet_nb.charts.calls import calls_by_hour, calls_per_period, calls_per_week
from kismet_nb.charts.invites import invites_by_status, invites_expiring
from kismet_nb.charts.last_calls import idle_rooms, providers_without_calls
from kismet_nb.charts.new_providers import first_calls
from kismet_nb.charts.period_change import compare_periods
from kismet_nb.charts.style import style
from kismet_nb.charts.users import admins_and_roles, email_domains, users_over_time, users_without_waiting_room

__all__ = [
    "admins_and_roles",
    "calls_by_hour",
    "calls_per_period",
    "calls_per_week",
    "compare_periods",
    "email_domains",
    "fail_rate",
    "first_calls",
    "idle_rooms",
    "invites_by_status",
    "invites_expiring",
    "providers_without_calls",
    "style",
    "users_over_time",
    "users_without_waiting_room",
    "wait_and_duration",
]


def __dir__() -> list[str]:
    """Return the names for tab completion: the public functions, without their modules."""
    return __all__
