"""Tests of what trusted and other clients can say about a visitor."""

from ipaddress import ip_network

import pytest

from libs.flask_service.proxies import apply_forwarded_headers

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
PROXY = "10.0.0.1"


def seen(peer: str, **forwarded: str) -> str:
    """Return the address and scheme that the application sees, and the X-Forwarded headers."""
    headers = {f"HTTP_X_FORWARDED_{name.upper()}": value for name, value in forwarded.items()}
    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "HTTP_HOST": "x", **headers}
    apply_forwarded_headers(environ, PROXIES)
    assert environ.pop("HTTP_HOST") == "x"
    return " ".join(environ.values())


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        (PROXY, "203.0.113.9", "203.0.113.9"),
        (PROXY, "1.1.1.1, 203.0.113.9", "203.0.113.9"),  # the client forged the first
        (PROXY, "1.1.1.1,203.0.113.9,10.2.3.4", "203.0.113.9"),  # two proxies
        (PROXY, "10.2.3.4", "10.2.3.4"),  # the client is in the network of the proxies
        ("fd00::1", "2001:DB8::1", "2001:db8::1"),
        (PROXY, "fe80::1%<script>", "fe80::1"),
        (PROXY, "unknown", PROXY),
        (PROXY, "", PROXY),
    ],
)
def test_should_take_the_address_from_a_trusted_proxy(
    peer: str, forwarded_for: str, client: str
) -> None:
    assert seen(peer, For=forwarded_for) == f"{client} http"


@pytest.mark.parametrize(
    ("proto", "scheme"),
    [("https", "https"), ("http", "http"), ("http, https", "https"), ("gopher", "http")],
)
def test_should_take_the_scheme_from_a_trusted_proxy(proto: str, scheme: str) -> None:
    assert seen(PROXY, Proto=proto) == f"{PROXY} {scheme}"


@pytest.mark.parametrize("peer", ["203.0.113.9", "11.0.0.1", "::1", "/run/web.sock", ""])
def test_should_ignore_what_others_forward(peer: str) -> None:
    everything = {"For": "1.1.1.1", "Proto": "https", "Host": "h", "Prefix": "/p", "Ssl": "on"}
    assert seen(peer, **everything) == f"{peer} http"
