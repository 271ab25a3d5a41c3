"""The commands for tokens, with which programs read or send, and people see a shared site."""

import dataclasses
from datetime import datetime, timezone
from typing import get_args

import click
import redis

from libs.page_views.registry import find_site
from libs.page_views.tokens import Right, add_token, all_tokens, revoke_token, share_path
from services.admin.commands.command import Answer, SiteName, columns, redis_command


@click.group()
def tokens() -> None:
    """Let programs read a site's numbers or send views to it, or share its dashboard."""


@tokens.command()
@click.argument("site", type=SiteName())
@click.option("--right", required=True, type=click.Choice(get_args(Right)), help="What it permits.")
@click.option("--label", default="", help="What it is for.")
@redis_command
def add(client: redis.Redis, site: str, right: Right, label: str) -> Answer:
    """Make a token and print it. It is shown only now: Redis keeps its hash.

    With the right to share, the path of the link follows: put it after the dashboard's address.
    """
    token = add_token(client, find_site(client, site), right, label)
    change = (site, f"made a token to {right}{label and f', {label}'}")
    if right != "share":
        return Answer({"token": token}, token, change=change)
    path = share_path(site, token)
    return Answer({"token": token, "path": path}, f"{token}\n{path}", change=change)


@tokens.command("list")
@click.argument("site", type=SiteName())
@redis_command
def list_tokens(client: redis.Redis, site: str) -> Answer:
    """List the tokens of a site, without the tokens themselves."""
    found = all_tokens(client, find_site(client, site))
    rows = [
        (
            token.id,
            token.right,
            f"{datetime.fromtimestamp(token.created, timezone.utc):%Y-%m-%d}",
            token.label,
        )
        for token in found
    ]
    text = columns(("ID", "RIGHT", "MADE", "LABEL"), rows) if rows else f"{site} has no token"
    return Answer([dataclasses.asdict(token) for token in found], text)


@tokens.command()
@click.argument("site", type=SiteName())
@click.argument("token_id", metavar="ID")
@redis_command
def revoke(client: redis.Redis, site: str, token_id: str) -> Answer:
    """Revoke the token with this ID, at once."""
    if not revoke_token(client, find_site(client, site), token_id):
        raise click.ClickException(
            f"{site} has no token {token_id}; `tokens list {site}` shows those it has"
        )
    change = (site, f"revoked the token {token_id}")
    return Answer({"revoked": token_id}, f"{token_id} is revoked", change=change)
