"""Tests that a token gives one right to one site, until it is revoked."""

import redis

from libs.page_views.registry import add_site
from libs.page_views.tokens import add_token, all_tokens, is_permitted, revoke_token


def test_should_permit_what_the_token_is_for(redis_client: redis.Redis) -> None:
    site, other = add_site(redis_client, "a.example"), add_site(redis_client, "b.example")
    read, send = add_token(redis_client, site, "read"), add_token(redis_client, site, "send")
    assert is_permitted(redis_client, site, read, "read")
    assert is_permitted(redis_client, site, send, "send")
    assert not is_permitted(redis_client, site, read, "send")
    assert not is_permitted(redis_client, site, send, "read")
    assert not is_permitted(redis_client, other, read, "read")
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
