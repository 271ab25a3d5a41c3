"""Tests of the pages that add sites and change their settings."""

import html
import re
from dataclasses import replace

import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from libs.accounts.audit import recent_changes
from libs.page_views.registry import Site, UnknownSite, add_site, change_site, find_site
from libs.page_views.tokens import add_token, all_tokens, is_permitted
from services.dashboard.app import create_app
from services.dashboard.settings_actions import settings_of
from services.dashboard.testing import sign_in, signed_in_client, submit
from services.dashboard.tracker_address import VARIABLE

ADD = "/dashboard/sites/add"
PAGE = "/dashboard/sites/example.org/settings"
TRACKER = "https://count.example.org:8443"


@pytest.fixture(name="operator")
def _operator(redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setenv(VARIABLE, TRACKER)
    return signed_in_client(create_app(redis_client), redis_client)


@pytest.fixture(name="site")
def _site(redis_client: redis.Redis) -> Site:
    return add_site(redis_client, "example.org")


def settings(site: Site, **changed: str) -> dict[str, str]:
    """Return the fields of the form for settings, as a browser sends them."""
    fields = {**settings_of(site), **changed}
    if fields["public"] == "0":
        del fields["public"]
    return {"action": "save", **fields}


def problem_of(page: TestResponse, field: str) -> str:
    """Return the sentence at a field, which must refer to it and have the focus."""
    found = re.search(rf'<p class="problem" id="{field}-problem" role="alert">([^<]+)', page.text)
    assert found, page.text
    (element,) = re.findall(rf'<(?:input|select|textarea) id="{field}"[^>]*>', page.text)
    assert f'aria-describedby="{field}-problem' in element
    assert 'aria-invalid="true" autofocus' in element
    return html.unescape(found[1])


def changes(client: redis.Redis) -> list[tuple[str, str, str]]:
    """Return who changed what at which site, the oldest first."""
    return [(each.who, each.site, each.what) for each in reversed(recent_changes(client))]


def test_should_add_a_site(operator: FlaskClient, redis_client: redis.Redis) -> None:
    # When
    form = operator.get(ADD)
    fields = {"name": " Example.org", "zone": "Europe/Paris", "public": "1"}
    response = submit(operator, ADD, **fields)

    # Then
    assert "<option selected>UTC" in form.text
    assert (response.status_code, response.location) == (303, f"{PAGE}?done=added")
    site = find_site(redis_client, "example.org")
    assert (site.zone.key, site.public) == ("Europe/Paris", True)
    assert changes(redis_client) == [("ada", "example.org", "added example.org")]
    page = operator.get(response.location)
    assert '<p role="status">The site is added.' in page.text
    script = f'<script async src="{TRACKER}/tracker.js" data-site="example.org"></script>'
    assert script in html.unescape(page.text) and script not in page.text
    assert 'href="https://example.org/#toggle-page-tracker"' in page.text


@pytest.mark.parametrize(
    ("fields", "field", "problem"),
    [
        ({"name": "https://b.example/"}, "name", "A site is a host name without scheme, port or"),
        ({"name": "example.org"}, "name", "Example.org is registered already."),
        ({"name": "b.example", "zone": "Mars/Base"}, "zone", "'Mars/Base' is no time zone, such"),
    ],
)
def test_should_say_at_the_field_why_a_site_cannot_be_added(  # pylint: disable=too-many-arguments
    operator: FlaskClient,
    redis_client: redis.Redis,
    site: Site,
    *,
    fields: dict[str, str],
    field: str,
    problem: str,
) -> None:
    fields = {"zone": "Asia/Tokyo", "public": "1", **fields}
    page = submit(operator, ADD, **fields)
    assert page.status_code == 400
    assert problem_of(page, field).startswith(problem)
    assert f'value="{fields["name"]}"' in page.text
    assert f"<option selected>{fields['zone']}" in page.text
    assert re.search(r'<input id="public"[^>]* checked', page.text)
    assert redis_client.hgetall("v2:sites") == {b"example.org": site.key.encode()}
    assert not changes(redis_client)


def test_should_save_settings(operator: FlaskClient, redis_client: redis.Redis, site: Site) -> None:
    # When
    fields = settings(
        site,
        zone="Asia/Tokyo",
        public="1",
        client_limit=" 5 ",
        ignored_paths="/admin/*\r\n//b/\r\n",
        ignored_networks="10.0.0.0/8",
        embed_hosts="https://Blog.example/",
    )
    response = submit(operator, PAGE, **fields)

    # Then
    assert (response.status_code, response.location) == (303, f"{PAGE}?done=saved")
    saved = find_site(redis_client, site.name)
    assert saved == replace(
        site,
        zone=saved.zone,
        public=True,
        client_limit=5,
        ignored_paths=("/admin/*", "/b"),
        ignored_networks=("10.0.0.0/8",),
        embed_hosts=("https://blog.example",),
    )
    what = (
        "set zone to Asia/Tokyo, public to 1, client_limit to 5, "
        "ignored_paths to 2 lines, ignored_networks to 1 line, embed_hosts to 1 line"
    )
    assert changes(redis_client) == [("ada", site.name, what)]
    page = html.unescape(operator.get(PAGE).text)
    assert ">\n/admin/*\n/b</textarea>" in page
    assert '<iframe src="http://localhost/dashboard/share/example.org/"' in page


def test_should_record_nothing_if_nothing_is_changed(
    operator: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    change_site(redis_client, site, ignored_paths="/a\n/b")
    site = find_site(redis_client, site.name)
    assert submit(operator, PAGE, **settings(site)).status_code == 303
    assert find_site(redis_client, site.name) == site
    assert not changes(redis_client)


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("zone", "Mars/Base", "'Mars/Base' is no time zone, such as Europe/Paris."),
        ("client_limit", "many", "'many' is no whole number from 0 to 1000000000."),
        ("site_limit", "", "'' is no whole number from 0 to 1000000000."),
        ("ignored_paths", "/a\n<b>", "'<b>' is no path: write it from its /, such as /admin/*."),
        ("ignored_networks", "10.0.0.1/8", "'10.0.0.1/8' is no network: its first address is"),
        (
            "ignored_networks",
            "10.0.0.1\n" * 101,
            "These are 101 lines, but at most 100 are possible",
        ),
        ("embed_hosts", "*", "'*' is no host or origin, such as https://blog.example."),
    ],
)
def test_should_say_at_the_field_what_is_wrong(  # pylint: disable=too-many-arguments
    operator: FlaskClient,
    redis_client: redis.Redis,
    site: Site,
    *,
    field: str,
    value: str,
    problem: str,
) -> None:
    # When
    other = {"site_limit": "77"} if field == "zone" else {"zone": "Asia/Tokyo"}
    page = submit(operator, PAGE, **settings(site, public="1", **{**other, field: value}))

    # Then: what was typed is kept, also in other fields
    assert page.status_code == 400
    assert problem_of(page, field).startswith(problem)
    assert html.escape(value.strip(), quote=False) in page.text.replace("&#39;", "'")
    assert 'value="77"' in page.text or "<option selected>Asia/Tokyo" in page.text
    assert re.search(r'<input id="public"[^>]* checked', page.text)
    assert find_site(redis_client, site.name) == site
    assert not changes(redis_client)


def test_should_rename_a_site(operator: FlaskClient, redis_client: redis.Redis, site: Site) -> None:
    add_site(redis_client, "b.example")
    taken = submit(operator, PAGE, action="rename", new_name="b.example")
    assert taken.status_code == 400
    assert problem_of(taken, "new_name") == "B.example is registered already."
    assert re.search('<input id="new_name" [^>]*value="b.example"', taken.text)
    renamed = submit(operator, PAGE, action="rename", new_name="C.example")
    assert renamed.location == "/dashboard/sites/c.example/settings?done=renamed"
    assert find_site(redis_client, "c.example").key == site.key
    assert changes(redis_client) == [("ada", "c.example", "renamed example.org to c.example")]
    assert operator.get(PAGE).status_code == 404


def test_should_remove_a_site_whose_name_is_typed(
    operator: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    refused = submit(operator, PAGE, action="remove", typed_name="example.com")
    assert refused.status_code == 400
    assert problem_of(refused, "typed_name") == "To remove the site, type example.org."
    assert find_site(redis_client, site.name) == site
    removed = submit(operator, PAGE, action="remove", typed_name="example.org ")
    assert (removed.status_code, removed.location) == (303, "/dashboard/?done=removed")
    assert "are removed.</p>" in operator.get(removed.location).text
    with pytest.raises(UnknownSite):
        find_site(redis_client, site.name)
    what = "removed example.org and all its numbers"
    assert changes(redis_client) == [("ada", "example.org", what)]


@pytest.mark.parametrize("right", ["read", "send", "share"])
def test_should_show_a_token_once_and_revoke_it(
    operator: FlaskClient, redis_client: redis.Redis, site: Site, right: str
) -> None:
    # Given
    made = submit(operator, PAGE, action="make", right=right, label="<my> laptop")
    (token,) = re.findall(r'value="[^"]*(pt_[\w-]{43})/?" readonly autofocus', made.text)
    (listed,) = all_tokens(redis_client, site)

    # Then
    assert made.status_code == 200
    assert (listed.right, listed.label) == (right, "<my> laptop")
    link = f"http://localhost/dashboard/share/example.org/{token}/"
    assert (link in made.text) == (right == "share")
    page = operator.get(PAGE).text
    assert "&lt;my&gt; laptop" in page and listed.id in page and token not in page

    # When
    revoke = {"action": "revoke", "id": listed.id}
    locations = [submit(operator, PAGE, **revoke).location for _ in range(2)]

    # Then
    assert locations == [f"{PAGE}?done=revoked"] * 2
    assert not all_tokens(redis_client, site)
    assert changes(redis_client) == [
        ("ada", "example.org", f"made a token to {right}"),
        ("ada", "example.org", f"revoked the token {listed.id}"),
    ]


@pytest.mark.parametrize(("right", "field"), [("read", "label"), ("share", "share_label")])
def test_should_refuse_a_long_label(
    operator: FlaskClient, redis_client: redis.Redis, site: Site, right: str, field: str
) -> None:
    page = submit(operator, PAGE, action="make", right=right, label="x" * 101)
    assert page.status_code == 400
    assert problem_of(page, field) == "Use at most 100 characters."
    assert page.text.count("x" * 101) == 1
    assert not all_tokens(redis_client, site)


def test_should_protect_every_form(
    operator: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    for right in ("read", "share"):
        add_token(redis_client, site, right)
    for path in (PAGE, ADD):
        forms = operator.get(path).text.split("<form")[1:]
        assert len(forms) > 1
        assert all('name="csrf_token"' in form.partition("</form>")[0] for form in forms)
        assert (
            operator.post(path, data={"action": "remove", "typed_name": site.name}).status_code
            == 403
        )
    assert find_site(redis_client, site.name) == site


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        (PAGE, {}, 400),
        (PAGE, {"action": "__class__"}, 400),
        (PAGE, {"action": "save"}, 400),
        (PAGE, {"action": "make", "right": "all", "label": ""}, 400),
        (PAGE, {"action": "revoke"}, 400),
        (ADD, {}, 400),
        ("/dashboard/sites/b.example/settings", {"action": "remove", "typed_name": "b"}, 404),
    ],
)
def test_should_refuse_forms_that_are_not_ours(
    operator: FlaskClient, redis_client: redis.Redis, path: str, fields: dict[str, str], status: int
) -> None:
    assert submit(operator, PAGE, path, **fields).status_code == status
    assert not changes(redis_client)


@pytest.mark.usefixtures("site")
def test_should_say_which_variable_has_the_address_of_the_tracker(
    operator: FlaskClient, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert VARIABLE not in operator.get(PAGE).text
    monkeypatch.delenv(VARIABLE)
    client = create_app(redis_client).test_client()
    sign_in(client, "ada")
    page = client.get(PAGE).text
    assert "https://count.example.org/tracker.js" in page
    assert VARIABLE in page


@pytest.mark.usefixtures("site")
def test_should_show_no_message_of_others(operator: FlaskClient) -> None:
    assert 'role="status"' not in operator.get(f"{PAGE}?done=<b>you+won").text


def test_should_permit_a_made_token(
    operator: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    made = submit(operator, PAGE, action="make", right="send", label="")
    (token,) = re.findall(r"pt_[\w-]{43}", made.text)
    assert is_permitted(redis_client, site, token, "send")
    assert not is_permitted(redis_client, site, token, "share")
