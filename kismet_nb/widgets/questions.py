"""The questions that some tables can answer, and the lines of code that answer them.

The questions are the public summaries whose tables are given. The parameters of a summary name its tables, so a new
summary needs no code here.
"""

from __future__ import annotations

import datetime as dt
import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb import charts, summaries
from kismet_nb.errors import InvalidInputError
from kismet_nb.resources import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OPERATORS", "Choice", "Filter", "Question", "code_lines", "filter_columns", "find_questions"]

OPERATORS = ("is one of", "contains", "is missing")
OPTIONS = ("by", "start", "end", "tz", "days")  # parameters of summaries that a person can set
_OWNERS = ("organization_user_id", "user_id")  # columns with the id of a user
_SHORTER = {"call_metrics": "metrics"}  # by resource: the parameter of summaries, if it has another name
_PARAMETERS = {_SHORTER.get(name, name): name for name in RESOURCES}


@dataclass(frozen=True, slots=True)
class Question:
    """A summary, or the rows of one table.

    Attributes
    ----------
    title
        The text that a person reads.
    summary
        The name of the function in ``summaries``; empty for the rows of a table.
    required, optional
        The resources of its tables.
    options
        The options that it accepts: some of ``by``, ``start``, ``end``, ``tz`` and ``days``.
    needed
        The options that must be set.
    has_chart
        Whether ``charts`` has a function with the name of the summary.
    """

    title: str
    summary: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    has_chart: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition for the rows of a table to keep. ``value`` is the typed text."""

    resource: str
    column: str
    operator: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A question with its filters and the values of its options."""

    question: Question
    filters: tuple[Filter, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


def find_questions(resources: Mapping[str, pd.DataFrame]) -> list[Question]:
    """Return the questions that these tables answer: the rows of each, and the summaries that need no other table."""
    found = []
    for name, df in resources.items():
        options = ("start", "end", "tz") if "created_at" in df.columns else ()
        found.append(Question(f"The rows of {name.replace('_', ' ')}", "", (name,), options=options))
    for name in summaries.__all__:
        function = getattr(summaries, name)
        if hasattr(function, "__deprecated__"):
            continue  # its new name is listed
        parameters = inspect.signature(function).parameters
        tables = [_PARAMETERS[key] for key in parameters if key in _PARAMETERS]
        needed = {key for key, value in parameters.items() if value.default is inspect.Parameter.empty}
        required = tuple(_PARAMETERS[key] for key in parameters if key in needed & _PARAMETERS.keys())
        if set(required) <= resources.keys() and needed <= {*_PARAMETERS, *OPTIONS}:
            title = name.replace("_", " ").capitalize()
            optional = tuple(table for table in tables if table not in required and table in resources)
            chosen = tuple(option for option in OPTIONS if option in parameters)
            must = tuple(option for option in chosen if option in needed)
            found.append(Question(title, name, required, optional, chosen, must, name in charts.__all__))
    return found


def filter_columns(resources: Mapping[str, pd.DataFrame]) -> list[tuple[str, str]]:
    """Return the tables and columns for filters: all columns except times, for which ``start`` and ``end`` exist."""
    return [
        (resource, str(name))
        for resource, df in resources.items()
        for name, dtype in df.dtypes.items()
        if dtype.kind != "M"
    ]


def code_lines(choice: Choice, tables: Mapping[str, pd.DataFrame], names: Mapping[str, str]) -> list[str]:
    """Return the code that makes ``answer``, and ``chart`` if the question has one. Its last line shows one of them.

    Parameters
    ----------
    choice
        The question with its filters and options.
    tables
        The tables by resource.
    names
        The names of the tables in the code, by resource.

    Raises
    ------
    InvalidInputError
        A typed value does not fit its column, or the question needs an option that is missing.
    """
    names, lines = dict(names), []
    question = choice.question
    options = {name: value for name, value in choice.options.items() if value not in (None, "")}
    if any(name not in options for name in question.needed):
        raise InvalidInputError(f"This question needs {' and '.join(question.needed)}.")
    used = (*question.required, *question.optional)
    for each in choice.filters:
        if each.resource in used or each.resource == "users":
            condition = _condition(names[each.resource], each, tables[each.resource])
            lines += _keep(names, each.resource, condition)
    if "users" not in question.required and any(each.resource == "users" for each in choice.filters):
        for resource in used:
            owner = next((column for column in _OWNERS if column in tables[resource].columns), None)
            if owner:
                lines += _keep(names, resource, f'{names[resource]}["{owner}"].isin({names["users"]}["id"])')
    if not question.summary:
        rows = _rows(names, question.required[0], options)
        imports = ["import pandas as pd"] if "pd.Timestamp" in rows else []
        return [*imports, *lines, rows, "answer"]
    arguments = [names[resource] for resource in question.required]
    arguments += [f"{_SHORTER.get(resource, resource)}={names[resource]}" for resource in question.optional]
    arguments += [f"{key}={_literal(value)}" for key, value in options.items() if key in question.options]
    called = f"{question.summary}({', '.join(arguments)})"
    lines.append(f"answer = kn.summaries.{called}")
    return [*lines, f"chart = kn.charts.{called}", "chart"] if question.has_chart else [*lines, "answer"]


def _keep(names: dict[str, str], resource: str, condition: str) -> list[str]:
    """Return the line that keeps some rows of a table under a new name, and record that name in ``names``."""
    before, after = names[resource], f"some_{resource}"
    names[resource] = after
    return [f"{after} = {before}[{condition}]"]


def _rows(names: dict[str, str], resource: str, options: Mapping[str, Any]) -> str:
    """Return the line that keeps the rows created from one day to another, in a time zone."""
    zone, conditions = _literal(options.get("tz", "UTC")), []
    if start := options.get("start"):
        conditions.append(f'({names[resource]}["created_at"] >= pd.Timestamp({_literal(start)}, tz={zone}))')
    if end := options.get("end"):
        after = dt.date.fromisoformat(str(end)) + dt.timedelta(days=1)
        conditions.append(f'({names[resource]}["created_at"] < pd.Timestamp({_literal(after)}, tz={zone}))')
    return f"answer = {names[resource]}" + (f"[{' & '.join(conditions)}]" if conditions else "")


def _condition(name: str, chosen: Filter, df: pd.DataFrame) -> str:
    """Return the expression that is true for the rows to keep."""
    column, values = f"{name}[{chosen.column!r}]", df[chosen.column]
    if chosen.operator == "is missing":
        return f"{column}.isna()"
    if chosen.operator == "contains":
        texts = column if isinstance(values.dtype, pd.StringDtype) else f'{column}.astype("str")'
        return f"{texts}.str.contains({chosen.value!r}, case=False, regex=False, na=False)"
    wanted = [_typed(text.strip(), values, chosen.column) for text in chosen.value.split(",") if text.strip()]
    if pd.api.types.is_object_dtype(values.dtype):  # lists, for example roles
        return f"{column}.explode().isin({wanted!r}).groupby(level=0).any()"
    return f"{column}.isin({wanted!r})"


def _typed(text: str, values: pd.Series[Any], column: str) -> Any:  # noqa: ANN401 - a value of any column
    """Return a typed text as a value of its column."""
    kind = "b" if values.dtype == "boolean" else values.dtype.kind
    try:
        if kind == "b":
            return {"true": True, "yes": True, "false": False, "no": False}[text.lower()]
        if kind in "iu":
            return int(text)
        if kind == "f":
            return float(text)
    except (ValueError, KeyError):
        wanted = "true or false" if kind == "b" else "numbers"
    else:
        return text
    raise InvalidInputError(f"{column} contains {wanted}, so its filter cannot be {text!r}.")


def _literal(value: object) -> str:
    """Return a chosen option as code."""
    return repr(str(value)) if isinstance(value, dt.date) else repr(value)
