"""Tests of the registry of sites, and of what a process knows of it."""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from libs.page_views.recording import COUNTED, Recorder, View
from libs.page_views.registry import (
    Site,
    SiteCache,
    SiteExists,
    UnknownSite,
    add_site,
    all_sites,
    change_site,
    find_site,
    remove_site,
    rename_site,
)
from libs.page_views.site_settings import DEFAULTS, InvalidSetting
from libs.redis_access.connection import connect

NAME = "example.org"


@pytest.fixture(name="wait")
def fixture_wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return what sets the clock forward by some seconds."""
    now = [time.monotonic()]

    def wait(seconds: float) -> None:
        now[0] += seconds
        monkeypatch.setattr(time, "monotonic", lambda: now[0])

    wait(0)
    return wait


def test_should_find_what_was_added(redis_client: redis.Redis) -> None:
    first = add_site(redis_client, NAME)
    second = add_site(redis_client, "a.example", zone="Europe/Paris", public=1, client_limit=5)
    assert find_site(redis_client, NAME) == first
    assert list(all_sites(redis_client)) == [second, first]
    assert first.key != second.key
    assert (first.zone.key, first.public, first.client_limit) == ("UTC", False, 1_000)
    assert (second.zone.key, second.public, second.client_limit) == ("Europe/Paris", True, 5)


def test_should_not_add_a_name_twice(redis_client: redis.Redis) -> None:
    site = add_site(redis_client, NAME)
    with pytest.raises(SiteExists, match="^example.org is registered already$"):
        add_site(redis_client, NAME, public=1)
    assert list(all_sites(redis_client)) == [site]
    assert len(redis_client.keys("v2:{*")) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"zone": "Mars/Base"}, "^'Mars/Base' is no time zone, such as Europe/Paris$"),
        ({"zone": ""}, "^'' is no time zone"),
        ({"zone": "../../etc/passwd"}, "is no time zone"),
        ({"zone": "Europe"}, "^'Europe' is no time zone"),
        ({"zone": "a\0b"}, "is no time zone"),
        ({"zone": "x" * 1000}, "^'x{50}' is no time zone"),
        ({"zone": "\ud800"}, "is no time zone"),
        ({"client_limit": -1}, "^'-1' is no whole number from 0 to 1000000000$"),
        ({"site_limit": "many"}, "is no whole number"),
        ({"site_limit": "1.5"}, "is no whole number"),
        ({"site_limit": 10**10}, "is no whole number"),
        ({"public": "yes"}, "^public is neither 0 nor 1$"),
        ({"colour": "red"}, "^colour is no setting; there are zone, public, "),
        ({"ignored_paths": "/a\nb"}, "^'b' is no path: "),
        ({"ignored_paths": "/\0"}, "^the path has a control character$"),
        ({"ignored_networks": "10.0.0.1/8"}, "^'10.0.0.1/8' is no network"),
        (
            {"ignored_networks": "10.0.0.1\n" * 101},
            "^these are 101 lines, but at most 100 are possible$",
        ),
        ({"embed_hosts": "*"}, r"^'\*' is no host or origin, such as https://blog.example$"),
        ({"embed_hosts": "https://a.example/b"}, "is no host or origin"),
        ({"embed_hosts": "a.example; script-src *"}, "is no host or origin"),
        ({"embed_hosts": "a.example:65536"}, "is no host or origin"),
        ({"embed_hosts": "javascript:a"}, "is no host or origin"),
    ],
)
def test_should_refuse_an_invalid_setting(
    redis_client: redis.Redis, settings: dict[str, str | int], message: str
) -> None:
    site = add_site(redis_client, NAME)
    stored = redis_client.hgetall(site.key)
    with pytest.raises(InvalidSetting, match=message):
        add_site(redis_client, "other.example", **settings)
    with pytest.raises(InvalidSetting, match=message):
        change_site(redis_client, site, **settings)
    assert redis_client.hgetall(site.key) == stored
    assert list(all_sites(redis_client)) == [site]


def test_should_change_settings(redis_client: redis.Redis) -> None:
    site = add_site(redis_client, NAME)
    change_site(redis_client, site, zone="Asia/Tokyo", client_limit="0", public="1")
    changed = find_site(redis_client, NAME)
    assert (changed.zone.key, changed.client_limit, changed.public) == ("Asia/Tokyo", 0, True)
    assert changed.site_limit == DEFAULTS["site_limit"]


def test_should_store_each_line_of_a_setting_once_in_one_form(redis_client: redis.Redis) -> None:
    lines = {
        "ignored_paths": " //b/%61 \r\n\n/a*\n/b/a",
        "ignored_networks": "2001:DB8::/32\n192.0.2.7/32",
        "embed_hosts": "HTTPS://Bücher.example/\nlocalhost:8080",
    }
    site = add_site(redis_client, NAME, **lines)
    assert find_site(redis_client, NAME) == site
    assert site.ignored_paths == ("/b/a", "/a*")
    assert site.ignored_networks == ("2001:db8::/32", "192.0.2.7")
    assert site.embed_hosts == ("https://xn--bcher-kva.example", "localhost:8080")
    change_site(redis_client, site, **dict.fromkeys(lines, ""))
    assert find_site(redis_client, NAME) == replace(
        site, ignored_paths=(), ignored_networks=(), embed_hosts=()
    )


def test_should_know_sites_that_were_stored_without_newer_settings(
    redis_client: redis.Redis,
) -> None:
    site = add_site(redis_client, NAME)
    redis_client.hdel(site.key, "demo", "ignored_paths", "ignored_networks", "embed_hosts")
    assert find_site(redis_client, NAME) == site


def test_should_read_the_rules_of_a_site_once_and_only_if_there_are_any(
    redis_client: redis.Redis,
) -> None:
    site = add_site(redis_client, NAME)
    assert not site.why_ignored(b"1234", "/") and "_rules" not in vars(site)
    change_site(redis_client, site, ignored_paths="/a")
    site = find_site(redis_client, NAME)
    assert site.why_ignored(b"1234", "/a")
    rules = vars(site)["_rules"]
    assert not site.why_ignored(b"1234", "/") and vars(site)["_rules"] is rules


def test_should_keep_what_was_counted_when_a_site_is_renamed(redis_client: redis.Redis) -> None:
    site = add_site(redis_client, NAME)
    other = add_site(redis_client, "other.example")
    with pytest.raises(SiteExists):
        rename_site(redis_client, site, other.name)
    rename_site(redis_client, site, "new.example")
    assert find_site(redis_client, "new.example").key == site.key
    with pytest.raises(UnknownSite):
        find_site(redis_client, NAME)


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        lambda client, site: rename_site(client, site, "new.example"),
        lambda client, site: change_site(client, site, public=1),
        remove_site,
    ],
)
def test_should_refuse_to_change_a_site_that_was_just_removed(
    redis_client: redis.Redis, change: Callable[[redis.Redis, Site], None], lost: bool
) -> None:
    # Given
    site = add_site(redis_client, NAME)
    if lost:  # such as by hand
        redis_client.delete(site.key)
    else:
        remove_site(redis_client, site)

    # Then
    with pytest.raises(UnknownSite, match="^example.org is not registered$"):
        change(redis_client, site)
    assert not redis_client.exists(site.key)
    assert not list(all_sites(redis_client))


def test_should_know_no_site_that_has_settings_but_no_name(redis_client: redis.Redis) -> None:
    site = add_site(redis_client, NAME)
    redis_client.hdel(site.key, "name")
    with pytest.raises(UnknownSite):
        find_site(redis_client, NAME)


def test_should_remove_a_site_and_all_of_its_keys(redis_client: redis.Redis) -> None:
    sites = [add_site(redis_client, f"{number}.example") for number in range(1, 13)]
    recorder = Recorder(redis_client)
    for site in sites:
        recorder.record(site.name, [View("/", time.time())])
    remove_site(redis_client, sites[0])
    assert list(all_sites(redis_client)) == sorted(sites[1:], key=lambda site: site.name)
    assert not redis_client.keys("v2:{1}*")
    assert recorder.record(sites[1].name, [View("/", time.time())]) == [COUNTED]


def test_should_leave_nothing_when_a_site_is_removed_while_it_is_viewed(
    redis_client: redis.Redis,
) -> None:
    # Given
    site = add_site(redis_client, NAME, client_limit=0)
    recorder = Recorder(redis_client)
    viewed = threading.Event()

    def record() -> None:
        with contextlib.suppress(UnknownSite):
            while True:
                recorder.record(NAME, [View("/", time.time())] * 10)
                viewed.set()

    threads = [threading.Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    viewed.wait()

    # When
    remove_site(redis_client, site)
    for thread in threads:
        thread.join()

    # Then
    assert not redis_client.keys(f"{site.key}*")


def test_should_notice_changes_after_some_seconds(
    redis_client: redis.Redis, wait: Callable[[float], None]
) -> None:
    # Given
    sites = SiteCache(redis_client)
    site = add_site(redis_client, NAME)
    assert sites.get(NAME) == site

    # When
    change_site(redis_client, site, public=1)
    rename_site(redis_client, site, "new.example")
    wait(SiteCache.SECONDS - 0.1)
    assert sites.get(NAME) == site
    wait(0.1)

    # Then
    with pytest.raises(UnknownSite):
        sites.get(NAME)
    assert sites.get("new.example").public


def test_should_notice_a_new_site_at_once_or_nearly(
    redis_client: redis.Redis, wait: Callable[[float], None]
) -> None:
    sites = SiteCache(redis_client)
    with pytest.raises(UnknownSite):
        sites.get(NAME)
    site = add_site(redis_client, NAME)
    wait(SiteCache.UNKNOWN_SECONDS - 0.05)
    with pytest.raises(UnknownSite):
        sites.get(NAME)
    wait(0.05)
    assert sites.get(NAME) == site


def test_should_ask_for_a_site_that_is_forgotten(redis_client: redis.Redis) -> None:
    sites = SiteCache(redis_client)
    site = sites.get(add_site(redis_client, NAME).name)
    change_site(redis_client, site, public=1)
    sites.forget(NAME)
    assert sites.get(NAME).public


def test_should_ask_for_no_key_but_the_names_when_a_site_is_unknown(
    redis_client: redis.Redis,
) -> None:
    before = redis_client.info("stats")["total_commands_processed"]
    with pytest.raises(UnknownSite):
        find_site(redis_client, NAME)
    assert redis_client.info("stats")["total_commands_processed"] - before == 2  # INFO and HGET


def test_should_remember_few_of_many_unknown_names(redis_client: redis.Redis) -> None:
    sites = SiteCache(redis_client)
    for number in range(1500):
        with pytest.raises(UnknownSite):
            sites.get(f"{number}.example")
    assert len(repr(vars(sites))) < 50_000


def test_should_know_its_sites_while_redis_is_away(
    redis_client: redis.Redis, redis_url: str, wait: Callable[[float], None]
) -> None:
    # Given
    site = add_site(redis_client, NAME)
    with contextlib.closing(connect(redis_url)) as client:
        sites = SiteCache(client)
        sites.get(NAME)

        # When
        client.connection_pool.connection_kwargs["path"] = "/nowhere"
        client.connection_pool.reset()
        wait(SiteCache.SECONDS)

        # Then
        assert sites.get(NAME) == site
        with pytest.raises(redis.ConnectionError):
            sites.get("other.example")
