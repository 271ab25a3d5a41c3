"""The commands of installing: migrate from an earlier version, and complete words in a shell."""

import click
import redis
from click.shell_completion import BashComplete, FishComplete, ZshComplete

from libs.page_views import migration
from libs.page_views.maintenance import seed_front_page
from libs.page_views.registry import find_site
from services.admin.commands.command import Answer, SiteName, redis_command

_SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command()
@click.option("--site", type=SiteName(), help="Also add the views of the front page to a site.")
@redis_command
def migrate(client: redis.Redis, site: str | None) -> Answer:
    """Bring the storage to this version. Safe to repeat.

    The front page goes on counting where it was. With --site, the page / of that site starts with
    the views that the front page has now; repeated, this adds nothing.
    """
    found = find_site(client, site) if site else None
    before = migration.migrate(client)
    added = seed_front_page(client, found) if found else 0
    text = f"the storage is of version {migration.VERSION} (before: {before})"
    if found:
        text += f"; / of {site} has {added} views more"
    data = {"version": migration.VERSION, "before": before, "added": added}
    change = (site or "", f"brought the storage from version {before} to {migration.VERSION}")
    return Answer(data, text, change=change)


@click.command()
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that lets a shell complete the words of a program named admin.

    bash: eval "$(admin completion bash)"
    """
    complete = _SHELLS[shell]
    root = context.find_root()
    click.echo(complete(root.command, {}, "admin", "_ADMIN_COMPLETE").source())
