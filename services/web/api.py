"""The reading part of the public API: who may read, and what is answered when Redis fails."""

from functools import partial
from importlib.resources import files

import redis
from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import BadRequest, NotFound, ServiceUnavailable, Unauthorized

from libs.page_views.reading import RangeError
from libs.page_views.registry import Site, UnknownSite, find_site
from libs.page_views.sites import InvalidSite, site_name
from libs.page_views.tokens import is_permitted
from libs.redis_access.reasons import reason_of
from libs.redis_access.retries import call_with_retries
from services.web.answers import ANSWERS, Answer, Answering
from services.web.query import parameters

RETRY_SECONDS = 1

_DESCRIPTION = files("services.web").joinpath("openapi.json").read_bytes()


def reading_api(client: redis.Redis) -> Blueprint:
    """Return the routes that read numbers by client; services/web/openapi.json describes them."""
    api = Blueprint("reading_api", __name__, url_prefix="/api/v1")
    api.add_url_rule("/openapi.json", view_func=_describe)
    for name, answering in ANSWERS.items():
        api.add_url_rule(f"/sites/<name>/{name}", name, partial(_read, client, answering))
    api.register_error_handler(RangeError, _show_range_error)
    api.register_error_handler(redis.RedisError, _show_failure)
    return api


def _describe() -> Response:
    parameters()
    return Response(_DESCRIPTION, mimetype="application/json")


def _read(client: redis.Redis, answering: Answering, name: str) -> Answer:
    """Answer a call about the site with this name; reading may be repeated if Redis fails."""

    def read(_deadline: float) -> Answer:
        site = _readable_site(client, name)
        return {"site": site.name, "time_zone": site.zone.key, **answering(client, site)}

    return call_with_retries(client, read)


def _readable_site(client: redis.Redis, name: str) -> Site:
    """Return the site if it is public, or if the request has a token that may read it.

    Otherwise raise Unauthorized, or NotFound if it is not registered. That is no secret: whoever
    sends views to a name learns it too.
    """
    token = request.authorization.token if request.authorization else None
    try:
        site = find_site(client, site_name(name))
    except (InvalidSite, UnknownSite) as error:
        raise NotFound(f"There is no such site: {error}.") from error
    if site.public or (token and is_permitted(client, site, token, "read")):
        return site
    if token:
        sentence = "The token does not permit to read this site; use one of its own."
        challenge = WWWAuthenticate("bearer", {"error": "invalid_token"})
    else:
        sentence = "The site is private: send a token for reading it, Authorization: Bearer TOKEN."
        challenge = WWWAuthenticate("bearer", {"realm": "Page Tracker"})
    raise Unauthorized(sentence, www_authenticate=challenge)


def _show_range_error(error: RangeError) -> ResponseReturnValue:
    return current_app.handle_http_exception(BadRequest(f"This range cannot be read: {error}."))


def _show_failure(error: redis.RedisError) -> ResponseReturnValue:
    current_app.logger.exception("%s failed", request.url_rule)
    sentence = f"{reason_of(error)}. What was counted is not affected; try again in a moment."
    return current_app.handle_http_exception(
        ServiceUnavailable(sentence, retry_after=RETRY_SECONDS)
    )
