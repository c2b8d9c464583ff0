"""A chart for each summary. The title is the question that the chart answers; axes name units and time zone.

A chart takes the tables that the summary of the same name takes. Each function returns an Altair chart. It raises
``InvalidInputError`` if the summary does, if there are too many periods to draw, or if Altair is not installed. Colours
differ in lightness, so charts can be read in black and white. ``chart.save("x.png")`` or ``"x.svg"`` works offline and
without a browser.

Altair is imported when the first chart is made. Its default renderer loads scripts from the internet. So charts are
shown as SVG, unless the notebook has chosen a renderer with ``altair.renderers.enable``.
"""

from __future__ import annotations

from kismet_nb.charts.call_metrics import fail_rate, wait_and_duration
from kismet_nb.charts.calls import calls_per_week, idle_rooms, providers_without_calls
from kismet_nb.charts.invites import invites_by_status
from kismet_nb.charts.users import admins_and_roles, users_over_time, users_without_waiting_room

__all__ = [
    "admins_and_roles",
    "calls_per_week",
    "fail_rate",
    "idle_rooms",
    "invites_by_status",
    "providers_without_calls",
    "users_over_time",
    "users_without_waiting_room",
    "wait_and_duration",
]


def __dir__() -> list[str]:
    """Return the names that completion offers: the public functions, without the modules that define them."""
    return __all__
