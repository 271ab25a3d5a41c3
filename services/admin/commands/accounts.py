"""The commands for the accounts of operators, who may see the dashboard."""

import os
from datetime import datetime, timezone
from typing import IO

import click
import redis

from libs.accounts.accounts import (
    Account,
    InvalidName,
    account_name,
    add_account,
    all_accounts,
    change_password,
    find_account,
    remove_account,
    sign_out_everywhere,
)
from libs.accounts.links import FIRST_LINK_PATH, first_link_token, password_link_token
from libs.accounts.passwords import WeakPassword, hash_password
from libs.accounts.sessions import rotate_secret
from services.admin.commands.command import Answer, columns, redis_command


class AccountName(click.ParamType[str]):
    """The name of an account, in its one form."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name; fail if it is none."""
        try:
            return account_name(value)
        except InvalidName as error:
            self.fail(str(error), param, ctx)


_password_file = click.option(
    "--password-file",
    type=click.File(encoding="utf-8"),
    help="Read the password from the first line of a file instead of asking; - is standard input.",
)


@click.group()
def accounts() -> None:
    """Let people see the dashboard and change settings there."""


@accounts.command()
@click.argument("name", type=AccountName())
@_password_file
@redis_command
def add(client: redis.Redis, name: str, password_file: IO[str] | None) -> Answer:
    """Add an account. Asks for its password."""
    account = add_account(client, name, _new_hash(name, password_file))
    text = f"{name} may sign in to the dashboard now"
    return Answer(_described(account), text, change=("", f"added the account {name}"))


@accounts.command("list")
@redis_command
def list_accounts(client: redis.Redis) -> Answer:
    """List all accounts."""
    found = all_accounts(client)
    rows = [
        (account.name, f"{datetime.fromtimestamp(account.created, timezone.utc):%Y-%m-%d}")
        for account in found
    ]
    text = (
        columns(("NAME", "MADE"), rows) if rows else "there is no account; `accounts add` adds one"
    )
    return Answer([_described(account) for account in found], text)


@accounts.command()
@click.argument("name", type=AccountName())
@redis_command
def remove(client: redis.Redis, name: str) -> Answer:
    """Remove an account, and sign it out everywhere."""
    remove_account(client, name)
    change = ("", f"removed the account {name}")
    return Answer({"removed": name}, f"{name} has no account any more", change=change)


@accounts.command()
@click.argument("name", type=AccountName())
@_password_file
@redis_command
def password(client: redis.Redis, name: str, password_file: IO[str] | None) -> Answer:
    """Set the password of an account, and sign it out everywhere. Asks for the password."""
    find_account(client, name)
    account = change_password(client, name, _new_hash(name, password_file))
    change = ("", f"set the password of {name}")
    return Answer(_described(account), f"the password of {name} is set", change=change)


@accounts.command("sign-out")
@click.argument("name", required=False, type=AccountName())
@click.option("--all", "everybody", is_flag=True, help="Sign out all accounts.")
@redis_command
def sign_out(client: redis.Redis, name: str | None, everybody: bool) -> Answer:
    """Sign an account out everywhere, at once."""
    if everybody == bool(name):
        raise click.UsageError("give either the name of an account or --all")
    if name:
        sign_out_everywhere(client, name)
    else:
        rotate_secret(client)
    who = name or "everybody"
    change = ("", f"signed {who} out everywhere")
    return Answer({"signed_out": who}, f"{who} is signed out everywhere", change=change)


@accounts.command()
@click.argument("name", required=False, type=AccountName())
@redis_command
def link(client: redis.Redis, name: str | None) -> Answer:
    """Print a link that is valid once and for an hour.

    It begins with DASHBOARD_URL, or, unless that is set, after the address of the dashboard.

    With NAME, it sets another password of that account, so that somebody who has forgotten theirs
    can choose one. Without NAME, it makes the first account.
    """
    token = password_link_token(client, name) if name else first_link_token(client)
    if token is None:
        raise click.UsageError("there are accounts already: name the one that needs a password")
    path = f"{FIRST_LINK_PATH}?token={token}"
    change = ("", f"made a link to set the password of {name or 'the first account'}")
    address = os.environ.get("DASHBOARD_URL", "").rstrip("/")
    if not address:
        click.echo("Put it after the address of the dashboard, or set DASHBOARD_URL.", err=True)
    return Answer({"path": path, "link": address + path}, address + path, change=change)


def _new_hash(name: str, file: IO[str] | None) -> str:
    """Return the hash of a password that is asked for twice, or is the first line of a file."""
    if file is None:
        new = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        try:
            new = file.readline().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise click.ClickException(f"{file.name} is not UTF-8") from error
    try:
        return hash_password(name, new)
    except WeakPassword as error:
        raise click.ClickException(str(error)) from error


def _described(account: Account) -> dict[str, object]:
    return {"name": account.name, "created": account.created}
