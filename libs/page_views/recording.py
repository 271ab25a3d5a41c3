"""Record views of sites in Redis, each exactly once, those that arrive together in one call."""

import json
import logging
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import redis

from libs.page_views.counting import REPLICA_MILLISECONDS
from libs.page_views.registry import Site, SiteCache, UnknownSite
from libs.page_views.visitors import SALT_SECONDS, Client, Salts
from libs.redis_access.group_commit import GroupCommit
from libs.redis_access.retries import call_with_retries, slowest_attempt_seconds

COUNTED = "counted"
RATE_LIMIT = "rate_limit"

NONCE_SECONDS = 600
"""How long a repeated view is recognized: longer than any view waits for Redis in a process."""

NOW_SECONDS = 300
DAYS_KEPT = 400
"""How long a day's rows and hours are kept. Totals, days and months are kept for ever."""

MOST_ROWS = {
    "pages": {"day": 1_000, "month": 10_000},
    "referrers": {"day": 200, "month": 1_000},
    "campaigns": {"day": 100, "month": 1_000},
    "pairs": {"day": 2_000, "month": 10_000},
    "now": 10_000,
}
"""How many rows a day, and a month or all time, may have; the rest is counted as (other)."""

_SCRIPT = files("libs.page_views").joinpath("record.lua").read_text(encoding="utf-8")
_SECONDS = {"nonce": NONCE_SECONDS, "visitors": SALT_SECONDS, "now": NOW_SECONDS}

_QUARTER_SECONDS = 900

_Item = tuple[Site, list[str]]

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

    def __init__(self, client: redis.Redis, replicas: int = 0) -> None:
        """Record by client; acknowledge a view only when that many replicas have it too."""
        self._client = client
        self._replicas = replicas
        self.sites = SiteCache(client)
        self._salts = Salts(client)
        self._group_commit = GroupCommit(self._call, slowest_attempt_seconds(client))

    def record(self, site_name: str, views: Sequence[View], limited: bool = True) -> list[str]:
        """Record views; return what became of each: COUNTED, or the reason why it was dropped.

        limited is whether the limits of the site apply.

        A view that was sent before gets the answer of the first time, and counts nothing more.
        Raises libs.page_views.registry.UnknownSite; or redis.RedisError if they are not confirmed
        within the budget of libs.redis_access.retries. Each was then recorded once or not at all;
        send the same views again to find out.
        """
        outcomes: list[str] = call_with_retries(
            self._client, lambda deadline: self._record(site_name, views, limited, deadline)
        )
        for problem in outcomes[len(views) :]:
            _logger.error("%s: a part of a view was not stored: %s", site_name, problem)
        return outcomes[: len(views)]

    def _record(
        self, site_name: str, views: Sequence[View], limited: bool, deadline: float
    ) -> list[str]:
        site = self.sites.get(site_name)
        item = site, [self._encode(site, view, limited) for view in views]
        answer = self._group_commit.submit(item, deadline)
        if answer is None:
            self.sites.forget(site_name)
            raise UnknownSite(f"{site_name} is not registered")
        return answer

    def _encode(self, site: Site, view: View, limited: bool) -> str:
        """Return the view as JSON for record.lua."""
        period = _period(site.zone, int(view.time // _QUARTER_SECONDS))
        encoded = {"nonce": view.nonce, "time": int(view.time), **period.names}
        if view.dropped:
            encoded["dropped"] = view.dropped
            return json.dumps(encoded)
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
                network = Client(view.client.network, "")
                encoded["client"] = network.hash(salt)
        return json.dumps(encoded)

    def _call(self, items: list[_Item]) -> Sequence[list[str] | None | Exception]:
        """Record the views of all items in one round trip, in one call of the script per site."""
        by_site: dict[str, list[_Item]] = {}
        for item in items:
            by_site.setdefault(item[0].key, []).append(item)
        with self._client.pipeline(transaction=False) as pipeline:
            for key, of_site in by_site.items():
                pipeline.eval(_SCRIPT, 1, key, _arguments(of_site))
            if self._replicas:
                pipeline.wait(self._replicas, REPLICA_MILLISECONDS)
            answers = pipeline.execute(raise_on_error=False)
        if self._replicas and answers[-1] < self._replicas:
            raise redis.TimeoutError(f"{answers[-1]} of {self._replicas} replicas have the views")
        parts = {
            key: _split(of_site, answer) for answer, (key, of_site) in zip(answers, by_site.items())
        }
        return [next(parts[site.key]) for site, _ in items]


def _arguments(items: list[_Item]) -> str:
    site = items[0][0]
    limits = {"client": site.client_limit, "site": site.site_limit}
    rest = json.dumps(
        {"now": int(time.time()), "seconds": _SECONDS, "most": MOST_ROWS, "limits": limits}
    )
    views = ",".join(view for _, encoded in items for view in encoded)
    return f'{rest[:-1]}, "views": [{views}]}}'


def _split(
    items: list[_Item], answer: list[bytes] | None | Exception
) -> Iterator[list[str] | None | Exception]:
    """Yield the part of the script's answer that is each item's; problems go to the last."""
    if answer is None or isinstance(answer, Exception):
        yield from (answer for _ in items)
        return
    outcomes = [outcome.decode() for outcome in answer]
    for _, views in items[:-1]:
        yield outcomes[: len(views)]
        outcomes = outcomes[len(views) :]
    yield outcomes


@dataclass(frozen=True)
class _Period:
    """The names of the periods that a moment is in."""

    names: Mapping[str, str | int]
    """As record.lua calls them."""
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
    names: dict[str, str | int] = {
        "month": f"{local:%Y-%m}",
        "day": day,
        "utc_day": f"{utc:%Y-%m-%d}",
        "hour": f"{utc:%H}",
        "expires": int((midnight + timedelta(days=DAYS_KEPT)).timestamp()),
    }
    yesterday = f"{midnight - timedelta(days=1):%Y-%m-%d}"
    return _Period(names, day, yesterday, local - midnight < timedelta(seconds=NOW_SECONDS))
