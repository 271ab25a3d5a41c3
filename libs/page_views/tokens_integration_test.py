"""Tests that a token gives one right to one site, until it is revoked."""

import contextlib
import itertools
from collections.abc import Callable
from typing import get_args

import pytest
import redis
from redis.client import Pipeline

from libs.page_views.registry import (
    UnknownSite,
    add_site,
    change_site,
    remove_site,
    rename_site,
)
from libs.page_views.site_lookup import SiteLookup
from libs.page_views.tokens import (
    Right,
    add_token,
    all_tokens,
    is_permitted,
    revoke_token,
    shared_site,
    site_with_tokens,
)

RIGHTS: tuple[Right, ...] = get_args(Right)


def test_should_permit_what_the_token_is_for(redis_client: redis.Redis) -> None:
    site, other = add_site(redis_client, "a.example"), add_site(redis_client, "b.example")
    tokens = {right: add_token(redis_client, site, right) for right in RIGHTS}
    for right, token in tokens.items():
        for asked in RIGHTS:
            assert is_permitted(redis_client, site, token, asked) == (asked == right)
            assert not is_permitted(redis_client, other, token, asked)
    read = tokens["read"]
    for guess in ("", read[:-1], read + "x", read.upper(), "pt_\ud800", "pt_é"):
        assert not is_permitted(redis_client, site, guess, "read")


def test_should_list_tokens_without_showing_them(redis_client: redis.Redis) -> None:
    site = add_site(redis_client, "a.example")
    tokens = [add_token(redis_client, site, "read", label) for label in ("ünï", "")]
    listed = all_tokens(redis_client, site)
    assert {(each.label, each.right) for each in listed} == {("ünï", "read"), ("", "read")}
    assert len({each.id for each in listed}) == 2
    stored = redis_client.hgetall(f"{site.key}:tokens")
    assert not any(token.encode() in repr(stored).encode() for token in tokens)


def test_should_show_a_site_to_who_has_its_link(redis_client: redis.Redis) -> None:
    # Given
    sites = SiteLookup(redis_client)
    public = add_site(redis_client, "public.example", public=1)
    private = add_site(redis_client, "private.example")
    tokens = {
        right: {site: add_token(redis_client, site, right) for site in (public, private)}
        for right in RIGHTS
    }

    # When
    answers = set()
    for site in (public, private):
        for right, owner in itertools.product(RIGHTS, (public, private)):
            with contextlib.suppress(UnknownSite):
                answers.add((shared_site(sites, site.name, tokens[right][owner]), right, owner))
    wrong = [(private.name, ""), ("other.example", ""), ("other.example", "pt_x"), ("", "")]
    wrong += [(name, "pt_x") for name in (public.name, private.name)]
    for name, token in wrong:
        with pytest.raises(UnknownSite):
            shared_site(sites, name, token)

    # Then
    assert answers == {(site, "share", site) for site in (public, private)}
    assert shared_site(sites, public.name) == public


def test_should_find_a_site_in_one_round_trip(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    sites = SiteLookup(redis_client)
    trips: list[Pipeline] = []
    execute = Pipeline.execute

    def count(pipeline: Pipeline) -> object:
        trips.append(pipeline)
        return execute(pipeline)

    monkeypatch.setattr(Pipeline, "execute", count)
    token = add_token(redis_client, add_site(redis_client, "a.example"), "share")

    def cost(function: Callable[[], object]) -> int:
        before = len(trips)
        with contextlib.suppress(UnknownSite):
            function()
        return len(trips) - before

    # Then
    assert cost(lambda: shared_site(sites, "b.example", token)) == 1
    assert cost(lambda: shared_site(sites, "a.example", token)) == 2
    assert cost(lambda: shared_site(sites, "a.example", token)) == 1
    assert cost(lambda: site_with_tokens(sites, "a.example")) == 1


def test_should_notice_at_once_what_becomes_of_a_site(redis_client: redis.Redis) -> None:
    sites = SiteLookup(redis_client)
    site = add_site(redis_client, "a.example", public=1)
    assert shared_site(sites, "a.example") == site
    change_site(redis_client, site, public=0)
    token = add_token(redis_client, site, "share")
    with pytest.raises(UnknownSite):
        shared_site(sites, "a.example")
    rename_site(redis_client, site, "b.example")
    other = add_site(redis_client, "a.example", public=1)
    assert shared_site(sites, "a.example") == other
    assert shared_site(sites, "b.example", token).key == site.key
    remove_site(redis_client, other)
    with pytest.raises(UnknownSite):
        shared_site(sites, "a.example")


def test_should_revoke_one_token(redis_client: redis.Redis) -> None:
    site = add_site(redis_client, "a.example")
    token = add_token(redis_client, site, "read")
    (listed,) = all_tokens(redis_client, site)
    kept = add_token(redis_client, site, "read")
    assert not revoke_token(redis_client, site, "")
    assert not revoke_token(redis_client, site, token)
    assert revoke_token(redis_client, site, listed.id)
    assert not revoke_token(redis_client, site, listed.id)
    assert not is_permitted(redis_client, site, token, "read")
    assert is_permitted(redis_client, site, kept, "read")
