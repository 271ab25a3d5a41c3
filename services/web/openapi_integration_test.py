"""Tests that the application and the description of its API agree, whatever is sent to it."""

import os
import re
import time
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
import redis
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from libs.page_views.recording import Recorder, View
from libs.page_views.registry import add_site
from libs.page_views.tokens import add_token
from libs.page_views.visitors import Client
from services.web.answers import ANSWERS
from services.web.app import create_app

SOME_EXAMPLES, ALL_EXAMPLES = 25, 500
EXAMPLES = ALL_EXAMPLES if os.environ.get("SLOW_TESTS") == "all" else SOME_EXAMPLES

SITES = ["public.example", "private.example"]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(name="app")
def _app(redis_client: redis.Redis) -> Flask:
    return create_app(redis_client)


@pytest.fixture(name="schema")
def _schema(app: Flask) -> OpenApiSchema:
    """Return the description as the application serves it."""

    def wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return app({"REMOTE_ADDR": "127.0.0.1", **environ}, start_response)

    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", wsgi)


def test_should_serve_a_valid_description(schema: OpenApiSchema) -> None:
    assert schema.raw_schema["openapi"].startswith("3.1.")
    schema.validate()


def test_should_describe_each_route_and_serve_what_it_describes(
    app: Flask, schema: OpenApiSchema
) -> None:
    # Given
    described = {
        (method, re.sub("{.*?}", "{}", path))
        for path, item in schema.raw_schema["paths"].items()
        for method in item
        if method != "parameters"
    }

    # When
    served = {
        (method.lower(), re.sub("<.*?>", "{}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    # Then
    assert {route for route in served if route[1].startswith("/api/")} <= described
    assert described <= served


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("name", ANSWERS)
def test_should_answer_as_described(
    redis_client: redis.Redis, schema: OpenApiSchema, name: str, mode: GenerationMode
) -> None:
    # Given
    token = record_some_views(redis_client)
    prefer_what_can_be_read(schema)
    seen: Counter[int] = Counter()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),  # requests take longer than other data
    )
    @given(schema[f"/api/v1/sites/{{site}}/{name}"]["GET"].as_strategy(generation_mode=mode))
    def call(case: Case[Any]) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        # The description cannot say which parameters depend on each other.
        answer = case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])
        seen[answer.status_code] += 1

    # When
    call()  # pylint: disable=no-value-for-parameter  # Hypothesis gives it

    # Then
    assert (seen[200] if mode.is_positive else seen[400] + seen[401] + seen[404]) > 1


def record_some_views(client: redis.Redis) -> str:
    """Record views of a public and a private site; return a token that may read the private one."""
    for name in SITES:
        site = add_site(client, name, public=int(name == "public.example"))
        visitor = Client(b"", "browser")
        view = View("/a", time.time(), visitor, referrer="other.example", campaign="spring")
        Recorder(client).record(name, [view, View("", time.time(), dropped="bot")])
    return add_token(client, site, "read")


def prefer_what_can_be_read(schema: OpenApiSchema) -> None:
    """Let requests be about the sites that there are, and often about a range of recent days."""
    parameters = schema.raw_schema["components"]["parameters"]
    parameters["site"]["schema"] = {"enum": SITES}
    days = [f"{date.today() - timedelta(days=days)}" for days in (9, 1, 0)]
    for name, preferred in (("from", days[:2]), ("to", days[1:])):
        any_date = parameters[name]["schema"]
        parameters[name]["schema"] = {"anyOf": [{"enum": preferred}, any_date]}
