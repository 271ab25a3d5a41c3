"""Record views of sites in Redis, each exactly once, those that arrive together in one call."""

import copy
import hashlib
import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache, partial
from importlib.resources import files
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import redis
from redis.exceptions import NoScriptError

from libs.page_views.counting import REPLICA_MILLISECONDS
from libs.page_views.registry import Site, SiteCache, UnknownSite
from libs.page_views.visitors import SALT_SECONDS, Client, Salts, UnstoredSalts
from libs.redis_access.cluster import client_of
from libs.redis_access.group_commit import GroupCommit
from libs.redis_access.replies import text
from libs.redis_access.retries import WAIT_SECONDS, call_with_retries, slowest_attempt_seconds

COUNTED = "counted"
RATE_LIMIT = "rate_limit"
REPEATED = "repeated"
"""What became of an imported view that was imported before."""

NONCE_SECONDS = 600
"""How long a repeated view is recognized: longer than any view waits for Redis in a process."""

IMPORT_SECONDS = 48 * 3600
"""How long a repeated view of an hour that is being imported is recognized."""

NOW_SECONDS = 300
DAYS_KEPT = 400
"""How long a day's rows and hours are kept. Totals, days and months are kept for ever."""

MOST_ROWS = {
    "pages": {"day": 1_000, "month": 10_000},
    "referrers": {"day": 200, "month": 1_000},
    "campaigns": {"day": 100, "month": 1_000},
    "pairs": {"day": 2_000, "month": 10_000},
}
"""How many rows a day, and a month or all time, may have; the rest is counted as (other)."""

MOST_NOW = 10_000
"""How many of the visitors who are here now are known."""

MOST_VIEWS = 100
"""How many views one call of the script records. Everybody waits meanwhile, some 5 ms."""

MOST_IMPORTED_VIEWS = 500
"""The same of an import. It takes Redis a quarter less for each view, and some 12 ms in all."""

_SCRIPT = files("libs.page_views").joinpath("record.lua").read_text(encoding="utf-8")
_SCRIPT_SHA = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()

_QUARTER_SECONDS = 900

_Encoded = dict[str, str | int]
"""A view as record.lua takes it."""

_Item = tuple[Site, list[_Encoded]]
"""A site and some of its views."""

_logger = logging.getLogger(__name__)


def new_nonce() -> str:
    """Return a unique name for one view."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class View:
    """A view of a page, or a request that is none and is only counted as dropped."""

    path: str
    """As libs.page_views.paths.normalise_path returns it."""
    time: float
    """Seconds since 1970."""
    client: Client | None = None
    """Who views it; None if that is unknown, so it adds no visitor."""
    referrer: str = ""
    """The host that links to the page, or "" for none."""
    campaign: str = ""
    dropped: str = ""
    """Why it is no view, such as "bot"; "" if it is one."""
    nonce: str = field(default_factory=new_nonce)
    """A view with the nonce of an earlier one is the same view, sent again."""


class Recorder:
    """Records the views of one process."""

    def __init__(
        self,
        client: redis.Redis,
        replicas: int = 0,
        source: str = "",
        observe: Callable[[int], None] = lambda size: None,
    ) -> None:
        """Record by client; acknowledge a view only when that many replicas have it too.

        observe is told of how many requests each round trip to Redis is.

        If views are imported, source is where from, such as "log". Their visitors are then hashed
        with salts that only this recorder knows, and libs.page_views.imported_hours has their
        nonces deleted; a repeated view is answered with REPEATED.
        """
        self._client = client
        self._replicas = replicas
        self._source = source
        self.sites = SiteCache(client)
        self._salts = UnstoredSalts() if source else Salts(client)
        self._observe = observe
        self._group_commits: dict[redis.Redis, GroupCommit[_Item, list[str]]] = {}
        """One for each node of a cluster, so that a node that fails delays no views of others."""

    def record(self, site_name: str, views: Sequence[View], limited: bool = True) -> list[str]:
        """Record views; return what became of each: COUNTED, or the reason why it was dropped.

        limited is whether the limits of the site apply.

        A view that was sent before gets the answer of the first time, and counts nothing more.
        Raises libs.page_views.registry.UnknownSite; or redis.RedisError if they are not confirmed
        within the budget of libs.redis_access.retries. Each was then recorded once or not at all;
        send the same views again to find out.
        """
        return call_with_retries(
            self._client, lambda deadline: self._record(site_name, views, limited, deadline)
        )

    def _record(
        self, site_name: str, views: Sequence[View], limited: bool, deadline: float
    ) -> list[str]:
        site = self.sites.get(site_name)
        item = site, [self._encode(site, view, limited) for view in views]
        try:
            return self._group_commit(site).submit(item, deadline)
        except UnknownSite:
            self.sites.forget(site_name)
            raise

    def _group_commit(self, site: Site) -> GroupCommit[_Item, list[str]]:
        client = client_of(self._client, site.key)
        found = self._group_commits.get(client)
        if found is None:
            longest_seconds = slowest_attempt_seconds(client) + WAIT_SECONDS  # EVAL after EVALSHA
            call = partial(self._call, client)
            new = GroupCommit(call, longest_seconds, self._observe)
            found = self._group_commits.setdefault(client, new)
        return found

    def _encode(self, site: Site, view: View, limited: bool) -> _Encoded:
        quarter = int(view.time // _QUARTER_SECONDS)
        period = _period(site.zone, quarter)
        encoded: _Encoded = {
            "nonce": view.nonce,
            "time": int(view.time),
            "quarter": f"{quarter}",
        }
        address = view.client.address if view.client else b""
        if dropped := view.dropped or site.why_ignored(address, view.path):
            encoded["dropped"] = dropped
            return encoded
        encoded["path"] = view.path
        if view.referrer:
            encoded["referrer"] = view.referrer
        if view.campaign:
            encoded["campaign"] = view.campaign
        if view.client:
            salt = self._salts.of(site.key, period.day)
            encoded["visitor"] = view.client.hash(salt)
            if period.after_midnight:
                yesterday = self._salts.of(site.key, period.yesterday)
                encoded["earlier"] = view.client.hash(yesterday)
            if limited:
                # The limit is of what is sent now, whatever the days of the views.
                today = _period(site.zone, int(time.time() // _QUARTER_SECONDS)).day
                network = Client(view.client.network, "")
                encoded["client"] = network.hash(self._salts.of(site.key, today))
        return encoded

    def _call(self, client: redis.Redis, items: list[_Item]) -> Sequence[list[str] | Exception]:
        """Record the views of all items in one round trip, in as few calls of the script."""
        views_of: dict[Site, list[_Encoded]] = {}
        for site, views in items:
            views_of.setdefault(site, []).extend(views)
        most = MOST_IMPORTED_VIEWS if self._source else MOST_VIEWS
        calls = [
            (site, views[start : start + most])
            for site, views in views_of.items()
            for start in range(0, len(views), most)
        ]
        answers = self._run(client, "EVALSHA", _SCRIPT_SHA, calls)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            # Redis has forgotten the script. Views that it has recorded are not recorded again.
            answers = self._run(client, "EVAL", _SCRIPT, calls)
        outcomes: dict[Site, list[str]] = {site: [] for site in views_of}
        errors: dict[Site, Exception] = {}
        for (site, _), answer in zip(calls, answers):
            if answer is None:
                errors[site] = UnknownSite(f"{site.name} is not registered")
            elif isinstance(answer, Exception):
                errors[site] = answer
            else:
                outcomes[site] += map(text, answer[0])
                for problem in answer[1]:
                    _logger.error("%s: a part was not stored: %s", site.name, text(problem))
        rest = {site: iter(of_site) for site, of_site in outcomes.items()}
        return [
            copy.copy(errors[site]) if site in errors else list(islice(rest[site], len(views)))
            for site, views in items
        ]

    def _run(self, client: redis.Redis, command: str, script: str, calls: list[_Item]) -> list[Any]:
        """Call the script once per item; return the answers and errors, after the replicas' too."""
        with client.pipeline(transaction=False) as pipeline:
            for site, views in calls:
                pipeline.execute_command(command, script, 1, site.key, self._argument(site, views))
            if self._replicas:
                pipeline.wait(self._replicas, REPLICA_MILLISECONDS)
            answers: list[Any] = pipeline.execute(raise_on_error=False)
        if self._replicas:
            replicas = answers.pop()
            if isinstance(replicas, Exception):
                raise replicas
            if replicas < self._replicas:
                raise redis.TimeoutError(f"{replicas} of {self._replicas} replicas have the views")
        return answers

    def _argument(self, site: Site, views: list[_Encoded]) -> str:
        """Return the argument of record.lua."""
        quarters = {view["quarter"] for view in views}
        argument: dict[str, object] = {
            "now": int(time.time()),
            "seconds": {
                "nonce": IMPORT_SECONDS if self._source else NONCE_SECONDS,
                "visitors": SALT_SECONDS,
                "now": NOW_SECONDS,
            },
            "most": {**MOST_ROWS, "now": MOST_NOW},
            "limits": {"client": site.client_limit, "site": site.site_limit},
            "periods": {quarter: _period(site.zone, int(quarter)).names for quarter in quarters},
            "views": views,
        }
        if self._source:
            argument["source"] = self._source
        return json.dumps(argument)


@dataclass(frozen=True)
class _Period:
    """The names of the periods that a moment is in."""

    names: Mapping[str, str | int]
    """As record.lua calls them; and when the day's rows and hours expire, in seconds since 1970."""
    day: str
    yesterday: str
    after_midnight: bool
    """Whether somebody who is here now may have been here yesterday."""


@lru_cache(maxsize=1000)
def _period(zone: ZoneInfo, quarter: int) -> _Period:
    """Return the periods of a quarter of an hour; all time zones differ by whole quarters."""
    utc = datetime.fromtimestamp(quarter * _QUARTER_SECONDS, timezone.utc)
    local = utc.astimezone(zone)
    midnight = local.replace(hour=0, minute=0)
    day = f"{local:%Y-%m-%d}"
    return _Period(
        names={
            "month": f"{local:%Y-%m}",
            "day": day,
            "utc_day": f"{utc:%Y-%m-%d}",
            "hour": f"{utc:%H}",
            "expires": int((midnight + timedelta(days=DAYS_KEPT)).timestamp()),
        },
        day=day,
        yesterday=f"{midnight - timedelta(days=1):%Y-%m-%d}",
        after_midnight=local - midnight < timedelta(seconds=NOW_SECONDS),
    )
