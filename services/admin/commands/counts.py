"""The commands that change numbers by hand, and recount them."""

import dataclasses

import click
import redis

from libs.page_views import maintenance
from libs.page_views.checking import check_site
from libs.page_views.leftovers import find_leftovers, remove_leftovers
from libs.page_views.reading import Count, totals
from libs.page_views.registry import all_sites, find_site
from services.admin.commands.command import Answer, PagePath, SiteName, redis_command

_MOST = 10**12


@click.command()
@click.argument("site", type=SiteName())
@click.option("--views", required=True, type=click.IntRange(1, _MOST), help="How many views.")
@click.option("--visitors", default=0, type=click.IntRange(0, _MOST), help="How many visitors (0).")
@click.option("--path", default="/", type=PagePath(), help="Of which page (/).")
@redis_command
def seed(client: redis.Redis, site: str, views: int, visitors: int, path: str) -> Answer:
    """Add earlier views to the total of a page and of its site.

    No day or month has them.
    """
    found = find_site(client, site)
    maintenance.seed(client, found, path, Count(views, visitors))
    of_page, of_site = totals(client, found, path), totals(client, found)
    return Answer(
        {"page": dataclasses.asdict(of_page), "site": dataclasses.asdict(of_site)},
        f"{path} now has {of_page.views} views, and {site} has {of_site.views}",
        change=(site, f"added {views:,} earlier views and {visitors:,} visitors to {path}"),
    )


@click.command()
@click.argument("site", type=SiteName())
@click.option("--path", required=True, type=PagePath(), help="Of which page.")
@redis_command
def reset(client: redis.Redis, site: str, path: str) -> Answer:
    """Set a page back to 0, for all days.

    The totals of the site stay: they keep the views that the page had.
    """
    found = find_site(client, site)
    before = maintenance.reset_page(client, found, path)
    stays = totals(client, found).views
    return Answer(
        {"path": path, "before": dataclasses.asdict(before)},
        f"{path} had {before.views} views and has 0 now; the total of {site} stays {stays}",
        change=(site, f"set {path} back to 0, which had {before.views:,} views"),
    )


@click.command()
@click.argument("site", required=False, type=SiteName())
@click.option("--clean", is_flag=True, help="Remove what interrupted changes of sites have left.")
@redis_command
def check(client: redis.Redis, site: str | None, clean: bool) -> Answer:
    """Recount what can be recounted, of one site or all.

    Prints each number that does not fit the others; the status is then 1. Without SITE, it also
    finds what changes of sites have left that were interrupted in a Redis Cluster. --clean removes
    it: names without a site at once, and sites without a name when nobody has used them for an
    hour.
    """
    if clean and site:
        raise click.UsageError("--clean is about no site: leave the site out")
    removed = remove_leftovers(client).sentences() if clean else []
    found = [find_site(client, site)] if site else all_sites(client)
    drift = {each.name: check_site(client, each) for each in found}
    if not site and (left := find_leftovers(client).sentences()):
        drift["left over"] = left
    text = "\n".join(
        f"{name}: {line}" for name, lines in drift.items() for line in lines or ["all numbers fit"]
    )
    text = "\n".join(filter(None, [text, *(f"removed: {line}" for line in removed)]))
    change = ("", f"removed what was left over: {len(removed)}") if removed else None
    return Answer(drift, text or "no site is registered", int(any(drift.values())), change)
