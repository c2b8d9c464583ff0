"""The style of all charts: fonts, colours of text and grid, title and subtitle. Users can apply it to own charts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kismet_nb.charts.marks import DARK, INK, LIGHT, MIDDLE, load_altair
from kismet_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kismet_nb.charts.marks import Chart

__all__ = ["style", "styled"]

_MAX_SUBTITLE_CHARACTERS = 100  # a line of the chart's width
_MUTED, _GRID = "#555555", "#e4e4e4"  # inline.css replaces these and INK with colours of the notebook's theme
_CONFIG: dict[str, Any] = {
    "background": "white",
    "font": "sans-serif",
    "padding": 12,
    "view": {"stroke": None},
    "mark": {"color": DARK},
    "text": {"color": INK},
    "range": {"category": [DARK, MIDDLE, LIGHT, "#7b9e89", "#a23b2a", "#8c6bb1", "#7f7f7f"]},
    "axis": {
        "labelFontSize": 11,
        "labelColor": INK,
        "labelLimit": 230,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "titleColor": INK,
        "gridColor": _GRID,
        "domainColor": "#888888",
        "tickColor": "#888888",
    },
    "axisX": {"titleAnchor": "start"},
    "title": {
        "anchor": "start",
        "frame": "group",
        "offset": 12,
        "fontSize": 15,
        "color": INK,
        "subtitleFontSize": 12,
        "subtitleColor": _MUTED,
        "subtitlePadding": 5,
    },
    "legend": {
        "orient": "top",
        "direction": "horizontal",
        "labelFontSize": 11,
        "labelColor": INK,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "titleColor": INK,
        "symbolType": "square",
    },
}


def style(chart: Any) -> Chart:  # noqa: ANN401 - any of Altair's charts
    """Return a chart of your own with the style of these charts, which a notebook displays without the internet.

    Altair's renderer and theme do not change, and the chart's own configuration is kept. In a notebook, the tooltip of
    a mark is its ``description`` or, without one, its encoded values. Lines and areas have no tooltips.

    Parameters
    ----------
    chart
        An Altair chart: single, layered, concatenated, faceted or repeated.

    Returns
    -------
    Chart
        A copy.

    Raises
    ------
    InvalidInputError
        It is not an Altair chart, or Altair is not installed.

    Examples
    --------
    >>> import altair as alt
    >>> import pandas as pd
    >>> domains = pd.DataFrame({"domain": ["example.org", "example.net"], "users": [60, 37]})
    >>> chart = style(alt.Chart(domains, title="Users by domain").mark_bar().encode(x="users", y="domain"))
    >>> chart.save("domains.png")
    """
    load_altair()
    from kismet_nb.charts.inline import shown_inline  # noqa: PLC0415 - it imports Altair

    shown = shown_inline(chart)
    if shown is None:
        raise InvalidInputError(f"chart must be an Altair chart, not {type(chart).__name__}.")
    config = load_altair().Config
    own = shown.config.to_dict() if isinstance(shown.config, config) else {}
    shown.config = config.from_dict(_merged(_CONFIG, own))
    return shown


def _merged(ours: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return both configurations merged; if both have a value, the user's own wins."""
    both = {**ours, **own}
    for name in ours.keys() & own.keys():
        if isinstance(ours[name], dict) and isinstance(own[name], dict):
            both[name] = {**ours[name], **own[name]}
    return both


def styled(chart: Any, question: str, subtitle: str) -> Chart:  # noqa: ANN401 - Altair's three kinds of chart
    """Return a chart with its title, its subtitle and the common style."""
    return style(chart.properties(title=load_altair().TitleParams(question, subtitle=_lines(subtitle))))


def _lines(subtitle: str) -> list[str]:
    """Split a subtitle into lines of the chart's width, with breaks only between its parts."""
    first, *parts = subtitle.split("; ")
    lines = [first]
    for part in parts:
        lines[-1] += ";"
        if len(lines[-1]) + len(part) < _MAX_SUBTITLE_CHARACTERS:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return lines
