"""What the forms for settings do. Each function is one form's, and reads its fields.

They raise werkzeug.exceptions.BadRequest for a form that is not ours, and redis.RedisError.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

import redis
from werkzeug.exceptions import BadRequest

from libs.page_views.registry import (
    Site,
    SiteExists,
    add_site,
    change_site,
    remove_site,
    rename_site,
)
from libs.page_views.site_settings import LINES, InvalidSetting, checked_settings, in_words
from libs.page_views.sites import InvalidSite, site_name
from libs.page_views.tokens import Right, add_token, revoke_token

MOST_LABEL_CHARACTERS = 100

Form = Mapping[str, str]


@dataclass(frozen=True)
class Done:
    """What was done."""

    name: str
    """In one word, such as "added"."""
    site: str
    """The name that the site has now, or had before it was removed."""
    what: str
    """A sentence for libs.accounts.audit, or "" if nothing has changed."""
    right: Right | None = None
    token: str = ""
    """What was made, and what it permits. Nothing can show the token again."""


class Refused(Exception):
    """Nothing was done; the attribute problems has a sentence for each field that is wrong."""

    def __init__(self, **problems: str | Exception) -> None:
        super().__init__(*problems)
        self.problems = {field: _sentence(problem) for field, problem in problems.items()}


def settings_of(site: Site) -> dict[str, str]:
    """Return the settings of a site as the fields of a form have them."""
    return {
        "zone": site.zone.key,
        "public": str(int(site.public)),
        "client_limit": str(site.client_limit),
        "site_limit": str(site.site_limit),
        **{name: "\n".join(getattr(site, name)) for name in LINES},
    }


def add(client: redis.Redis, form: Form) -> Done:
    """Add a site. Raises Refused."""
    settings: dict[str, str | int] = {"zone": form["zone"], "public": int("public" in form)}
    problems = _problems(settings)
    try:
        name = site_name(form["name"].strip())
        if not problems:
            add_site(client, name, **settings)
    except (InvalidSite, SiteExists) as error:
        problems["name"] = error
    if problems:
        raise Refused(**problems)
    return Done("added", name, f"added {name}")


def save(client: redis.Redis, site: Site, form: Form) -> Done:
    """Change settings. Raises Refused."""
    before = settings_of(site)
    given: dict[str, str | int] = {
        name: str(int(name in form)) if name == "public" else form[name].strip() for name in before
    }
    if problems := _problems(given):
        raise Refused(**problems)
    after = {name: str(value) for name, value in checked_settings(given).items()}
    changed: dict[str, str | int] = {
        name: value for name, value in after.items() if value != before[name]
    }
    if changed:
        change_site(client, site, **changed)
    return Done("saved", site.name, f"set {in_words(changed)}" if changed else "")


def rename(client: redis.Redis, site: Site, form: Form) -> Done:
    """Give a site another name. Raises Refused."""
    try:
        name = site_name(form["new_name"].strip())
        rename_site(client, site, name)
    except (InvalidSite, SiteExists) as error:
        raise Refused(new_name=error) from error
    return Done("renamed", name, f"renamed {site.name} to {name}")


def remove(client: redis.Redis, site: Site, form: Form) -> Done:
    """Remove a site whose name was typed again. Raises Refused."""
    if form["typed_name"].strip() != site.name:
        raise Refused(typed_name=f"to remove the site, type {site.name}")
    remove_site(client, site)
    return Done("removed", site.name, f"removed {site.name} and all its numbers")


def make(client: redis.Redis, site: Site, form: Form) -> Done:
    """Make a token, also for a link that shares the site. Raises Refused."""
    right = next((right for right in get_args(Right) if right == form["right"]), None)
    if right is None:
        raise BadRequest()
    label = form["label"].strip()
    if len(label) > MOST_LABEL_CHARACTERS:
        field = "share_label" if right == "share" else "label"
        raise Refused(**{field: f"use at most {MOST_LABEL_CHARACTERS} characters"})
    token = add_token(client, site, right, label)
    return Done("made", site.name, f"made a token to {right}", right, token)


def revoke(client: redis.Redis, site: Site, form: Form) -> Done:
    """Revoke a token, if there is still one."""
    token_id = form["id"]
    revoked = revoke_token(client, site, token_id)
    return Done("revoked", site.name, f"revoked the token {token_id}" if revoked else "")


ACTIONS: dict[str, Callable[[redis.Redis, Site, Form], Done]] = {
    action.__name__: action for action in (save, rename, remove, make, revoke)
}
"""What can be done to a site, by the name that its form sends."""


def _problems(settings: Mapping[str, str | int]) -> dict[str, str | Exception]:
    problems: dict[str, str | Exception] = {}
    for name, value in settings.items():
        try:
            checked_settings({name: value})
        except InvalidSetting as error:
            problems[name] = error
    return problems


def _sentence(problem: str | Exception) -> str:
    text = str(problem)
    return f"{text[0].upper()}{text[1:]}."
