"""The operator's command line: all commands, and one line for each error."""

import os
import sys
from typing import Any, NoReturn

import click
import redis

from libs.accounts.accounts import AccountExists, UnknownAccount
from libs.page_views.importing import ImportRunning
from libs.page_views.migration import NewerStorage
from libs.page_views.registry import SiteExists, UnknownSite
from libs.page_views.site_settings import InvalidSetting
from libs.page_views.transfer import TransferError
from libs.redis_access.reasons import reason_of
from libs.redis_access.urls import RedisSettingError
from services.admin.commands.accounts import accounts
from services.admin.commands.counts import check, reset, seed
from services.admin.commands.imports import imports
from services.admin.commands.setup import completion, migrate
from services.admin.commands.sites import sites
from services.admin.commands.tokens import tokens
from services.admin.commands.transfers import demo, export, load
from services.admin.imports.errors import ImportFormatError

_FAILURES = (
    UnknownSite,
    SiteExists,
    UnknownAccount,
    AccountExists,
    NewerStorage,
    InvalidSetting,
    TransferError,
    RedisSettingError,
)
_WHAT_TO_DO: dict[type[Exception], str] = {
    UnknownSite: "`sites list` shows the sites, and `sites add` registers another",
    SiteExists: "choose another name, or remove that site first",
    UnknownAccount: "`accounts list` shows the accounts",
    AccountExists: "choose another name, or set its password by `accounts password`",
    NewerStorage: "use a newer one",
    ImportFormatError: "correct the file, or --format, and repeat the import",
    ImportRunning: "wait until it ends",
}


class CommandLine(click.Group):
    """A group of commands that reports each error in one line."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run a command and exit: with 0 if it succeeded, 1 if it failed, 2 if it was misused."""
        try:
            status = super().main(*args, **{**extra, "standalone_mode": False})
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            status = error.exit_code
        except click.UsageError as error:
            program = error.ctx.command_path if error.ctx else "admin"
            message = error.format_message().removesuffix(".")
            status = _fail(f"{message}; see `{program} --help`", error.exit_code)
        except click.ClickException as error:
            status = _fail(error.format_message(), error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            click.echo(err=True)  # after the question
            status = _fail("stopped; what was not confirmed is not done")
        except BrokenPipeError:  # the program that read the output has ended
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = 1
        except _FAILURES as error:
            what_to_do = _WHAT_TO_DO.get(type(error))
            status = _fail(f"{error}; {what_to_do}" if what_to_do else str(error))
        except ValueError as error:  # what Redis has was written by hand
            status = _fail(f"a stored number is none: {error}; `check` may show where")
        except redis.RedisError as error:
            status = _fail(f"{reason_of(error)} ({error}); check that it runs, and REDIS_URL")
        sys.exit(status)


def _fail(message: str, status: int = 1) -> int:
    click.echo(f"admin: {' '.join(message.split())}", err=True)
    return status


@click.group(cls=CommandLine)
def admin() -> None:
    """Operate Page Tracker.

    Commands use the Redis that REDIS_URL names, with the password in the file REDIS_PASSWORD_FILE.
    Without REDIS_URL they use the tracker's own Redis, whether the tracker runs or not.
    """


for each in (
    *(sites, tokens, accounts, seed, reset, check, export, load, imports, demo),
    *(migrate, completion),
):
    admin.add_command(each)
