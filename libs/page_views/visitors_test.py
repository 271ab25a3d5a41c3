"""Tests of how addresses become networks, and visitors hashes."""

import pytest

from libs.page_views.visitors import Client, packed_address

SALT = b"0123456789abcdef"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "c0000201"),
        ("::ffff:192.0.2.1", "c0000201"),
        ("::FFFF:c000:201", "c0000201"),
        ("64:ff9b::192.0.2.1", "c0000201"),
        ("::192.0.2.1", "0000000000000000"),
        ("2001:db8:1:2::3", "20010db800010002"),
        ("2001:db8:1:2:ffff::", "20010db800010002"),
        ("2001:db8:1:3::3", "20010db800010003"),
        ("fe80::1%eth0", "fe80000000000000"),
        ("fe80::1", "fe80000000000000"),
        ("", ""),
        ("unix:", ""),
        ("010.1.1.1", ""),
        ("192.0.2.1:80", ""),
        ("[::1]", ""),
        ("192.0.2.1\0", ""),
        ("::1\0", ""),
        ("\ud800", ""),
        ("2001:db8::%\0", "20010db800000000"),
    ],
)
def test_should_find_the_network_of_an_address(address: str, network: str) -> None:
    assert Client(packed_address(address), "").network.hex() == network


def test_should_tell_visitors_apart_by_network_browser_and_salt() -> None:
    clients = [
        Client(packed_address(address), browser)
        for address in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "")
        for browser in ("", "browser", "browser \udce4")
    ]
    hashes = {client.hash(salt) for client in clients for salt in (SALT, SALT[::-1])}
    assert len(hashes) == 2 * len(clients)


def test_should_name_a_visitor_by_a_64_bit_integer() -> None:
    numbers = [int(Client(b"", str(i)).hash(SALT)) for i in range(1000)]
    assert -(2**63) <= min(numbers) < -(2**62)
    assert 2**62 < max(numbers) < 2**63
    assert Client(b"", "0").hash(SALT) == str(numbers[0])
