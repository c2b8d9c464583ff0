"""A report's notebook: read it, set its parameters, and name the cell that failed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kismet_nb import errors
from kismet_nb.errors import IN_A_NOTEBOOK, InvalidInputError, KismetError, without_notebook_advice

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nbformat import NotebookNode

__all__ = ["added_cell", "cell_failure", "failed_cell", "read_notebook"]

PARAMETERS_TAG = "parameters"
ADDED_TAG = "added-for-the-report"
START = "the start of the report's kernel"
LOGIN_HINT = (
    "In a terminal, a report uses the two environment variables or .env; --demo reports on the demo organization."
    f"{IN_A_NOTEBOOK}run kn.login() or kn.use_demo() first."
)


def read_notebook(path: Path, parameters: Mapping[str, object]) -> NotebookNode:
    """Return the notebook, with a new cell after the cell tagged ``parameters`` that sets the parameters.

    Raises
    ------
    InvalidInputError
        The file is not a notebook, or no cell has the tag.
    """
    import nbformat  # noqa: PLC0415 - part of an extra

    problem = ""
    try:
        notebook: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        tagged = [n for n, cell in enumerate(notebook.cells) if PARAMETERS_TAG in cell.metadata.get("tags", [])]
    except (nbformat.ValidationError, ValueError, AttributeError, TypeError, LookupError, OSError) as error:
        problem = type(error).__name__  # other JSON than a notebook raises any of these
    if problem:
        raise InvalidInputError(f"{path} cannot be read as a notebook ({problem}).")
    if not tagged:
        raise InvalidInputError(f"{path} has no cell tagged 'parameters'. Tag the cell that sets the parameters.")
    lines = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    notebook.cells.insert(tagged[0] + 1, added_cell(lines))
    return notebook


def added_cell(source: str) -> NotebookNode:
    """Return a code cell that is not in the user's notebook."""
    import nbformat  # noqa: PLC0415 - part of an extra

    return nbformat.v4.new_code_cell(source, metadata={"tags": [ADDED_TAG]})  # type: ignore[no-untyped-call,no-any-return]


def failed_cell(notebook: NotebookNode, name: str) -> str:
    """Return the position of the cell that raised an error, for example ``"code cell 3 of own.ipynb, line 2"``.

    The result does not quote the cell, because its text may contain a value of a table or a secret.
    """
    number = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        is_added = ADDED_TAG in cell.metadata.get("tags", [])
        number += not is_added
        for output in cell.outputs:
            if output.output_type == "error":
                where = f"the parameters of {name}" if is_added else f"code cell {number} of {name}"
                traceback = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(output.traceback))  # without colours
                line = re.search(r"Cell In\[\d+\], line (\d+)", traceback)
                return f"{where}, line {line[1]}" if line else where
    return name


def cell_failure(name: str, message: str, where: str) -> KismetError:
    """Return the error to raise for an error in a cell.

    Only messages of this package's errors are repeated, because other messages may quote values of the tables.
    """
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, KismetError):
        text = without_notebook_advice(message)
        if where:
            text += f" It was raised by {where}."
        return kind(f"{text} {LOGIN_HINT}" if kind is errors.CredentialsError else text)
    what = "An error" if name == "NoneType" else name  # IPython's name of an error in the display of a result
    return KismetError(f"{what} was raised by {where or START}. Run the notebook to see the details.")
