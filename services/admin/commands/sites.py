"""The commands that register, show and change sites."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
import redis

from libs.page_views.reading import totals
from libs.page_views.registry import (
    Site,
    add_site,
    all_sites,
    change_site,
    find_site,
    remove_site,
    rename_site,
)
from libs.page_views.site_settings import DEFAULTS, InvalidSetting, checked_settings, in_words
from services.admin.commands.command import Answer, SiteName, columns, redis_command

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group()
def sites() -> None:
    """Register, show and change sites. Only views of registered sites are counted."""


def _setting_options(command: _Command) -> _Command:
    limit = click.IntRange(min=0)
    replaces = "Repeatable: replaces all there are; '' stands for none."
    per_minute = "may send per minute; 0 is no limit ({:,})."
    for option in (
        click.option(
            "--embed-host",
            "embed_hosts",
            multiple=True,
            callback=_check_lines,
            help="Whose pages may show the shared numbers in a frame, such as https://blog.example"
            f" (none). {replaces}",
        ),
        click.option(
            "--ignore-network",
            "ignored_networks",
            multiple=True,
            callback=_check_lines,
            help=f"Count no views from it: an address, or a CIDR (none). {replaces}",
        ),
        click.option(
            "--ignore-path",
            "ignored_paths",
            multiple=True,
            callback=_check_lines,
            help=f"Count no views of it: a path, or its beginning and then * (none). {replaces}",
        ),
        click.option(
            "--site-limit",
            type=limit,
            help=f"Views that all together {per_minute}".format(DEFAULTS["site_limit"]),
        ),
        click.option(
            "--client-limit",
            type=limit,
            help=f"Views that one address {per_minute}".format(DEFAULTS["client_limit"]),
        ),
        click.option(
            "--public/--private", default=None, help="Who may read the numbers (private)."
        ),
        click.option(
            "--zone",
            callback=_check,
            help=f"The time zone that cuts days and months ({DEFAULTS['zone']}).",
        ),
    ):
        command = option(command)
    return command


def _check(_: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Return the value of a setting, unless it is none that a site can have."""
    try:
        checked_settings({} if value is None else {str(parameter.name): value})
    except InvalidSetting as error:
        raise click.BadParameter(str(error)) from error
    return value


def _check_lines(
    context: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> str | None:
    """Return the values of a setting of several lines, or None if none is given."""
    return _check(context, parameter, "\n".join(values)) if values else None


def _given(settings: dict[str, Any]) -> dict[str, str | int]:
    return {
        name: int(value) if isinstance(value, bool) else value
        for name, value in settings.items()
        if value is not None
    }


@sites.command()
@click.argument("name", type=SiteName())
@_setting_options
@redis_command
def add(client: redis.Redis, name: str, **settings: Any) -> Answer:
    """Register a site."""
    site = add_site(client, name, **_given(settings))
    text = f"{name} is registered: its views are counted now"
    return Answer(_settings_of(site), text, change=(name, "registered the site"))


@sites.command("list")
@redis_command
def list_sites(client: redis.Redis) -> Answer:
    """List all sites with their settings and total views."""
    found = [(site, totals(client, site)) for site in all_sites(client)]
    data = [{**_settings_of(site), **dataclasses.asdict(count)} for site, count in found]
    rows = [
        (
            site.name,
            count.views,
            site.zone.key,
            "public" if site.public else "private",
            site.client_limit or "none",
            site.site_limit or "none",
            "demonstration" if site.demo else "",
        )
        for site, count in found
    ]
    heading = ("SITE", "VIEWS", "ZONE", "NUMBERS", "CLIENT LIMIT", "SITE LIMIT", "")
    return Answer(data, columns(heading, rows) if rows else "no site is registered")


@sites.command("set")
@click.argument("name", type=SiteName())
@_setting_options
@redis_command
def set_settings(client: redis.Redis, name: str, **settings: Any) -> Answer:
    """Change settings of a site. They hold within 5 seconds.

    Another time zone cuts only days and months to come.
    """
    if not (given := _given(settings)):
        raise click.UsageError("nothing is to be changed: give a setting, such as --public")
    change_site(client, find_site(client, name), **given)
    settings_now = _settings_of(find_site(client, name))
    return Answer(settings_now, f"{name} is changed", change=(name, f"set {in_words(given)}"))


@sites.command()
@click.argument("old", type=SiteName())
@click.argument("new", type=SiteName())
@redis_command
def rename(client: redis.Redis, old: str, new: str) -> Answer:
    """Give a site another name. Its numbers and tokens stay."""
    rename_site(client, find_site(client, old), new)
    settings = _settings_of(find_site(client, new))
    return Answer(settings, f"{old} is now {new}", change=(new, f"renamed the site from {old}"))


@sites.command()
@click.argument("name", type=SiteName())
@click.option("--yes", is_flag=True, help="Do not ask.")
@redis_command
def remove(client: redis.Redis, name: str, yes: bool) -> Answer:
    """Remove a site, all its numbers and its tokens. This cannot be undone."""
    site = find_site(client, name)
    views = totals(client, site).views
    if not yes:
        click.confirm(f"Remove {name} and its {views:,} views?", abort=True, err=True)
    remove_site(client, site)
    change = (name, f"removed the site and its {views:,} views")
    return Answer({"removed": name}, f"{name} is removed", change=change)


def _settings_of(site: Site) -> dict[str, object]:
    settings = dataclasses.asdict(site)
    del settings["key"]
    return {**settings, "zone": site.zone.key}
