"""The controls of the panel of ``explore`` in marimo, which shows only widgets of anywidget.

The controls stay ipywidgets. This widget draws each as an HTML control, and sets the chosen values.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
import ipywidgets  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Controls"]

_KINDS = {  # the HTML control for each class of ipywidgets
    ipywidgets.Button: "button",
    ipywidgets.Dropdown: "select",
    ipywidgets.Combobox: "suggestions",
    ipywidgets.BoundedIntText: "number",
    ipywidgets.Text: "text",
}


class Controls(anywidget.AnyWidget):
    """Lines of controls.

    Parameters
    ----------
    lines
        A function that returns the current lines: lists of ipywidgets.
    """

    _esm: ClassVar[Path] = Path(__file__).with_name("explorer_controls.js")
    _css: ClassVar[Path] = Path(__file__).with_name("explorer_controls.css")

    def __init__(self, lines: Callable[[], list[list[Any]]]) -> None:
        super().__init__()
        self._lines = lines
        self.on_msg(self._receive)

    def _receive(self, _widget: object, content: dict[str, Any], _buffers: list[memoryview]) -> None:
        if content.get("kind") == "chosen":  # otherwise "drawn"
            self._choose(content["line"], content["position"], content["value"])
        self.send({"lines": [[_described(control) for control in line] for line in self._lines()]})

    def _choose(self, line: int, position: int, text: str) -> None:
        try:
            control = self._lines()[line][position]
            value = None if isinstance(control, ipywidgets.Button) else type(control.value)(text)
        except (IndexError, ValueError):
            return  # a second click on a line that the first one has removed; 1.5 in a field for whole numbers
        if isinstance(control, ipywidgets.Button):
            control.click()
        else:
            control.value = value


def _described(control: Any) -> dict[str, Any]:  # noqa: ANN401 - ipywidgets has no types
    return {
        "kind": _KINDS[type(control)],
        "label": control.description,
        "value": getattr(control, "value", ""),
        "options": list(getattr(control, "options", ())),
        "placeholder": getattr(control, "placeholder", ""),
        "hidden": control.layout.display == "none",
    }
