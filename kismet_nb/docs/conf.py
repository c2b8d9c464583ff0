"""The settings of Sphinx for the reference. Everything that a page needs is in the site; nothing is loaded."""

from __future__ import annotations

from importlib.metadata import version as _version
from typing import TYPE_CHECKING

from pygments.lexers.special import TextLexer  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "kismet_nb"
release = version = _version("kismet-nb")
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "sphinx_copybutton"]
exclude_patterns = ["generated/*", "data/*"]  # included by pages; read by notebooks

html_theme = "furo"
html_title = f"kismet_nb {version}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"

add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
maximum_signature_line_length = 88
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 180
nb_execution_excludepatterns: list[str] = []
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # a widget is shown as its text or its first rows
nb_merge_streams = True
# A page shows the first of these that an output has: the state of a widget is nothing without a kernel.
nb_mime_priority_overrides = [
    ("html", "application/vnd.jupyter.widget-view+json", None),
    ("html", "application/javascript", None),
]
copybutton_exclude = ".linenos, .gp, .go"


def setup(app: Sphinx) -> None:
    """Accept the language of the recipes for cron, which Pygments does not know, and print each page that is read."""
    app.add_lexer("crontab", TextLexer)
    app.connect("source-read", lambda _app, page, _text: print(f"Reading {page}", flush=True))
