"""Display a chart in a notebook as SVG with tooltips, without the internet.

Altair's default renderer loads scripts from the internet, and another renderer would change all charts of a notebook.
So each of Altair's chart classes has a subclass here with its own display. Methods of a chart, such as ``properties``,
keep the class.
"""

from __future__ import annotations

import html
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import altair as alt

if TYPE_CHECKING:
    from kismet_nb.charts.marks import Chart

__all__ = ["shown_inline"]

_FOLDER, _PARTS = Path(__file__).parent, ("inline.css", "inline.js")


def _mimebundle(chart: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - Altair's signature
    """Return the chart as HTML with tooltips, and as SVG for programs that display no HTML.

    If the notebook has enabled a renderer with ``altair.renderers.enable``, return what that renderer returns.
    """
    if alt.renderers.active != "default":
        return alt.TopLevelMixin._repr_mimebundle_(chart, *args, **options)
    drawn = io.StringIO()
    chart.save(drawn, format="svg")
    svg = drawn.getvalue()
    title = getattr(chart.title, "text", chart.title)
    return {"text/html": _figure(svg, title if isinstance(title, str) else "Chart"), "image/svg+xml": svg}


def _figure(svg: str, title: str) -> str:
    """Return an SVG as a figure with an image, which a script replaces by the same SVG as part of the page.

    In the page, its colours follow the theme, and the description of a mark is its tooltip. If scripts do not run, for
    example in a notebook that Jupyter does not trust, the image stays.
    """
    style, script = (" ".join(_FOLDER.joinpath(name).read_text(encoding="utf-8").split()) for name in _PARTS)
    source = quote(svg, safe=" '()=:/,.;!*+-")
    return (
        f'<figure class="kismet-chart"><style>{style}</style><img alt="{html.escape(title)}" '
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
    kind: type(f"_{kind.__name__}", (kind,), {"__module__": __name__, "_repr_mimebundle_": _mimebundle})
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
