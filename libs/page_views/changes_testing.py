"""Changes of a site that tests interrupt."""

import redis

from libs.page_views.registry import add_site, find_site, remove_site, rename_site

NAME = "example.org"
"""The site that is changed."""


def add(client: redis.Redis) -> None:
    """Register another site."""
    add_site(client, "other.example", public=1)


def rename(client: redis.Redis) -> None:
    """Rename the site."""
    rename_site(client, find_site(client, NAME), "other.example")


def remove(client: redis.Redis) -> None:
    """Remove the site."""
    remove_site(client, find_site(client, NAME))
