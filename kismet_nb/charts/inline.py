"""Display a chart in a notebook as SVG with tooltips, without the internet.

Altair's default renderer loads scripts from the internet, and another renderer would change all charts of a notebook.
So each of Altair's chart classes has a subclass here with its own display. Methods of a chart, such as ``properties``,
keep the class.
"""

from __future__ import annotations

import html
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import altair as alt

if TYPE_CHECKING:
    from kismet_nb.charts.marks import Chart

__all__ = ["chart_figure", "shown_inline"]

_FOLDER = Path(__file__).parent
# A mark of an SVG with a description: its tag, its attributes, and the description.
_MARK = re.compile(r'<(path|line)\b([^>]*?\baria-label="([^"]*)"[^>]*?)(?:/>|></\1>)')


def _mimebundle(chart: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - Altair's signature
    """Return the chart as HTML with tooltips, and as SVG for programs that display no HTML.

    If the notebook has enabled a renderer with ``altair.renderers.enable``, return what that renderer returns.
    """
    if alt.renderers.active != "default":
        return alt.TopLevelMixin._repr_mimebundle_(chart, *args, **options)
    svg = _drawn(chart)
    return {"text/html": _figure(svg, chart), "image/svg+xml": svg}


def chart_figure(chart: Any) -> str:  # noqa: ANN401 - any of Altair's charts
    """Return the HTML that a notebook shows for a chart, whichever renderer is enabled."""
    return _figure(_drawn(chart), chart)


def _drawn(chart: Any) -> str:  # noqa: ANN401 - any of Altair's charts
    svg = io.StringIO()
    chart.save(svg, format="svg")
    return svg.getvalue()


def _display(chart: Any) -> Any:  # noqa: ANN401 - any of Altair's charts
    """Return what marimo shows. It runs no script of a figure, so each mark gets its description as a title.

    If the notebook has chosen a renderer with ``altair.renderers.enable``, it is used.
    """
    if alt.renderers.active != "default":
        plain = chart.copy()
        object.__setattr__(plain, "__class__", type(chart).__base__)
        return plain
    return _Figure(
        f'<figure class="kismet-chart"><style>{_style()}</style>{_MARK.sub(_titled, _drawn(chart))}</figure>'
    )


class _Figure:
    """HTML that shows itself."""

    def __init__(self, text: str) -> None:
        self._text = text

    def _repr_html_(self) -> str:
        return self._text


def _titled(mark: re.Match[str]) -> str:
    tag, attributes, description = mark.groups()
    if re.search(r'aria-roledescription="(line|area|trail)', attributes):  # It covers the marks below it.
        return mark[0]
    return f"<{tag}{attributes}><title>{description}</title></{tag}>"


def _style() -> str:
    return " ".join(_FOLDER.joinpath("inline.css").read_text(encoding="utf-8").split())


def _figure(svg: str, chart: Any) -> str:  # noqa: ANN401 - any of Altair's charts
    """Return the SVG of a chart as a figure with an image, which a script replaces by the same SVG as part of the page.

    In the page, its colours follow the theme, and the description of a mark is its tooltip. If scripts do not run, for
    example in a notebook that Jupyter does not trust, the image stays.
    """
    script = " ".join(_FOLDER.joinpath("inline.js").read_text(encoding="utf-8").split())
    source = quote(svg, safe=" '()=:/,.;!*+-")
    title = getattr(chart.title, "text", chart.title)
    title = title if isinstance(title, str) else "Chart"
    return (
        f'<figure class="kismet-chart"><style>{_style()}</style><img alt="{html.escape(title)}" '
        f'src="data:image/svg+xml,{source}" onload="{html.escape(script)}"></figure>'
    )


_KINDS = (
    alt.Chart,
    alt.LayerChart,
    alt.VConcatChart,
    alt.HConcatChart,
    alt.ConcatChart,
    alt.FacetChart,
    alt.RepeatChart,
)
# Maps each chart class of Altair to its subclass with this display.
_SHOWN: dict[type[Any], type[Any]] = {
    kind: type(
        f"_{kind.__name__}", (kind,), {"__module__": __name__, "_repr_mimebundle_": _mimebundle, "_display_": _display}
    )
    for kind in _KINDS
}


def shown_inline(chart: Any) -> Chart | None:  # noqa: ANN401 - any of Altair's charts
    """Return a copy of the chart with this display, or None if it is not one of Altair's charts."""
    for kind, shown in _SHOWN.items():
        if isinstance(chart, kind):
            copy = chart.copy()
            object.__setattr__(copy, "__class__", shown)  # a plain assignment would become part of the specification
            return copy  # type: ignore[no-any-return]
    return None
