"""What the pages take from the code: the data dictionary, and the help of each command."""

from __future__ import annotations

import argparse
import functools

from kismet_nb.cli.options import command_parsers
from kismet_nb.resources import RESOURCES
from kismet_nb.tables.describe import describe

__all__ = ["command_help", "data_dictionary"]


def data_dictionary() -> str:
    """Return a section with a table of columns for each table, as Markdown."""
    sections = []
    for name, resource in RESOURCES.items():
        key = ", ".join(f"`{column}`" for column in resource.key)
        lines = [f"## {name}", "", f"From `{resource.path}`. Key: {key}.", ""]
        lines += ["| column | dtype | | meaning |", "|---|---|---|---|"]
        for column in describe(name).itertuples():
            notes = [word for word, holds in (("nullable", column.nullable), ("personal", column.personal)) if holds]
            lines.append(f"| `{column.column}` | `{column.dtype}` | {', '.join(notes)} | {column.meaning} |")
        sections.append("\n".join(lines))
    return "\n\n".join(sections) + "\n"


def command_help() -> dict[str, str]:
    """Return the help of each command as a block of Markdown, by the name of the command."""
    blocks = {}
    for name, parser in command_parsers().items():
        parser.formatter_class = functools.partial(argparse.HelpFormatter, width=88)  # not that of a terminal
        blocks[name] = f"```text\n{parser.format_help()}```\n"
    return blocks
