"""Read the parameters of a request to the API, and refuse wrong ones with a sentence."""

import re
from collections.abc import Mapping
from datetime import date

from flask import request
from werkzeug.exceptions import BadRequest

from libs.page_views.paths import InvalidPath, normalise_path
from libs.page_views.reading import Range, today
from libs.page_views.registry import Site

MOST_DAYS = 400
"""How many days a range may have, unless a call allows fewer."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FIRST_DATE, _LAST_DATE = date(1970, 1, 1), date(2999, 12, 31)

Parameters = Mapping[str, str]


def parameters(*names: str) -> Parameters:
    """Return the parameters that the request has.

    Raises BadRequest, as all functions here do: if one has another name, no value, or several.
    """
    for name, values in request.args.lists():
        if name not in names:
            known = f"there are {', '.join(names)}" if names else "there are none here"
            raise BadRequest(f"There is no parameter {name[:50]!r}; {known}.")
        if len(values) > 1:
            raise BadRequest(f"The parameter {name} is given {len(values)} times; give it once.")
        if not values[0]:
            raise BadRequest(f"The parameter {name} is empty; leave it out or give it a value.")
    return request.args.to_dict()


def number(given: Parameters, name: str, default: int, least: int, most: int) -> int:
    """Return a whole number from least to most."""
    text = given.get(name, str(default))
    if re.fullmatch("[0-9]{1,9}", text) and least <= int(text) <= most:
        return int(text)
    raise BadRequest(f"{name} is {text[:50]!r}; give a whole number from {least} to {most}.")


def choice(given: Parameters, name: str, default: str, *others: str) -> str:
    """Return the default or one of the others."""
    text = given.get(name, default)
    if text in (default, *others):
        return text
    raise BadRequest(f"{name} is {text[:50]!r}; give {' or '.join((default, *others))}.")


def path(given: Parameters) -> str:
    """Return the path as it is counted, or "" if none is given."""
    try:
        return normalise_path(given["path"]) if "path" in given else ""
    except InvalidPath as error:
        raise BadRequest(f"No page has such a path: {error}.") from error


def days(given: Parameters, site: Site, most: int = MOST_DAYS) -> Range | None:
    """Return the range from "from" to "to", which is today unless given; None without "from"."""
    if "from" not in given:
        if "to" in given:
            raise BadRequest("There is a to without a from; give both, or from alone until today.")
        return None
    first = _date(given, "from")
    last = _date(given, "to") if "to" in given else today(site)
    if last < first:
        raise BadRequest(f"The range begins on {first} but ends before, on {last}.")
    length = (last - first).days + 1
    if length > most:
        raise BadRequest(f"{first} to {last} are {length} days; ask for at most {most} here.")
    return Range(first, last)


def _date(given: Parameters, name: str) -> date:
    text = given[name]
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day and _FIRST_DATE <= day <= _LAST_DATE:
        return day
    raise BadRequest(
        f"{name} is {text[:50]!r}; give a date such as 2026-11-25, in {_FIRST_DATE:%Y} or later and"
        f" before {_LAST_DATE.year + 1}."
    )
