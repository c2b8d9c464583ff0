"""What can be asked of some tables, and the lines of code that answer it.

The questions are the public summaries: a summary can be asked if its tables are there, and a new one is found by its
parameters.
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
OPTIONS = ("by", "start", "end", "tz", "days")  # those of summaries that a person can choose
_OWNERS = ("organization_user_id", "user_id")  # columns that name a user by the id in the table of users
_SHORTER = {"call_metrics": "metrics"}  # what the parameters of summaries are called instead of the resource
_PARAMETERS = {_SHORTER.get(name, name): name for name in RESOURCES}


@dataclass(frozen=True, slots=True)
class Question:
    """A summary, or the rows of one table.

    Attributes
    ----------
    title
        What a person reads.
    summary
        The name of the function in ``summaries``; empty for the rows of a table.
    required, optional
        The resources of its tables.
    options
        Which of ``by``, ``start``, ``end``, ``tz`` and ``days`` it takes.
    needed
        Those of its options that must be chosen.
    has_chart
        Whether ``charts`` has a function of this name.
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
    """Which rows of a table to keep; the value is what a person typed."""

    resource: str
    column: str
    operator: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A question, the rows that it is about, and its options."""

    question: Question
    filters: tuple[Filter, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


def find_questions(resources: Mapping[str, pd.DataFrame]) -> list[Question]:
    """Return what can be asked of these tables: the rows of each, and the summaries that need no others."""
    found = []
    for name, df in resources.items():
        options = ("start", "end", "tz") if "created_at" in df.columns else ()
        found.append(Question(f"The rows of {name.replace('_', ' ')}", "", (name,), options=options))
    for name in summaries.__all__:
        function = getattr(summaries, name)
        if hasattr(function, "__deprecated__"):
            continue  # it has a new name, which is listed
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
    """Return the columns by which rows can be chosen, with their tables; times are chosen by ``start`` and ``end``."""
    return [
        (resource, str(name))
        for resource, df in resources.items()
        for name, dtype in df.dtypes.items()
        if dtype.kind != "M"
    ]


def code_lines(choice: Choice, tables: Mapping[str, pd.DataFrame], names: Mapping[str, str]) -> list[str]:
    """Return the code that makes ``answer``, and ``chart`` if the question has one.

    Parameters
    ----------
    choice
        What to ask.
    tables
        The tables, by their resources.
    names
        What the tables are called in the code.

    Raises
    ------
    InvalidInputError
        A typed value does not fit its column, or an option is missing that the question needs.
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
            if owner:  # of the users that were chosen
                lines += _keep(names, resource, f'{names[resource]}["{owner}"].isin({names["users"]}["id"])')
    if not question.summary:
        return [*lines, *_rows(names, question.required[0], options)]
    arguments = [names[resource] for resource in question.required]
    arguments += [f"{_SHORTER.get(resource, resource)}={names[resource]}" for resource in question.optional]
    arguments += [f"{key}={_literal(value)}" for key, value in options.items() if key in question.options]
    called = f"{question.summary}({', '.join(arguments)})"
    lines.append(f"answer = kn.summaries.{called}")
    return [*lines, f"chart = kn.charts.{called}"] if question.has_chart else lines


def _keep(names: dict[str, str], resource: str, condition: str) -> list[str]:
    """Return the line that keeps some rows of a table, which has another name from then on."""
    before, after = names[resource], f"some_{resource}"
    names[resource] = after
    return [f"{after} = {before}[{condition}]"]


def _rows(names: dict[str, str], resource: str, options: Mapping[str, Any]) -> list[str]:
    """Return the lines that keep the rows created from one day to another, in a time zone."""
    zone, conditions = _literal(options.get("tz", "UTC")), []
    if start := options.get("start"):
        conditions.append(f'({names[resource]}["created_at"] >= pd.Timestamp({_literal(start)}, tz={zone}))')
    if end := options.get("end"):
        after = dt.date.fromisoformat(str(end)) + dt.timedelta(days=1)
        conditions.append(f'({names[resource]}["created_at"] < pd.Timestamp({_literal(after)}, tz={zone}))')
    return [f"answer = {names[resource]}" + (f"[{' & '.join(conditions)}]" if conditions else "")]


def _condition(name: str, chosen: Filter, df: pd.DataFrame) -> str:
    """Return the expression that is true for the rows to keep."""
    column, values = f"{name}[{chosen.column!r}]", df[chosen.column]
    if chosen.operator == "is missing":
        return f"{column}.isna()"
    if chosen.operator == "contains":
        texts = column if isinstance(values.dtype, pd.StringDtype) else f'{column}.astype("str")'
        return f"{texts}.str.contains({chosen.value!r}, case=False, regex=False, na=False)"
    wanted = [_typed(text.strip(), values, chosen.column) for text in chosen.value.split(",") if text.strip()]
    if pd.api.types.is_object_dtype(values.dtype):  # lists, such as roles
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
    raise InvalidInputError(f"{column} holds {wanted}, and {text!r} is none.")


def _literal(value: object) -> str:
    """Return a chosen option as code."""
    return repr(str(value)) if isinstance(value, dt.date) else repr(value)
