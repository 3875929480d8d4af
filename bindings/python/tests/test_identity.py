"""Who is asking: the library's own tests go deeper; these are about what Python adds."""

import copy
import ipaddress
import pickle

import pytest

from sluicegate import ArgumentError, Limiter, identity
from sluicegate.identity import Identity, key

PROXY = "10.0.0.7"


def found(identity, peer, *lines):
    client = identity.client(peer, lines)
    return str(client), client.source


@pytest.mark.parametrize(
    ("proxies", "peer", "lines", "text", "source"),
    [
        ("none", PROXY, ["6.6.6.6"], PROXY, "peer"),
        ("10.0.0.0/8", PROXY, [], PROXY, "peer"),
        ("10.0.0.0/8", PROXY, ["6.6.6.6, 203.0.113.10"], "203.0.113.10", "header"),
        ("10.0.0.0/8", PROXY, ["6.6.6.6", b"203.0.113.10, 10.1.1.1"], "203.0.113.10", "header"),
        ("10.0.0.0/8", PROXY, ["6.6.6.6", "\u20ac"], PROXY, "fallback"),
        ("10.0.0.0/8", "203.0.113.10", ["6.6.6.6"], "203.0.113.10", "peer"),
        (["10.0.0.0/8", "unix"], None, ["2001:db8::17"], "2001:db8::/64", "header"),
        (1, "", ["[2001:db8::17]:443"], "2001:db8::/64", "header"),
        (2, PROXY, ["203.0.113.10, 10.1.1.1"], "203.0.113.10", "header"),
        ("none", None, [], "local", "peer"),
        ("none", "fe80::1%eth0", [], "fe80::/64", "peer"),
        ("none", "::ffff:203.0.113.10", [], "203.0.113.10", "peer"),
        ("none", ipaddress.ip_address("2001:db8::1"), [], "2001:db8::/64", "peer"),
        ("none", bytes([203, 0, 113, 10]), [], "203.0.113.10", "peer"),
    ],
)
def test_a_client_is_found(proxies, peer, lines, text, source):
    assert found(Identity(proxies), peer, *lines) == (text, source)


def test_one_line_may_be_given_as_it_is():
    assert str(Identity(1).client(PROXY, "203.0.113.10")) == "203.0.113.10"
    assert str(Identity(1, header="Forwarded").client(PROXY, b"for=203.0.113.10")) == "203.0.113.10"


def test_a_client_has_its_whole_address():
    client = Identity().client("2001:db8::17")
    assert client.address == ipaddress.ip_address("2001:db8::17")
    assert Identity().client("::ffff:203.0.113.10").address == ipaddress.ip_address("203.0.113.10")
    assert Identity().client(None).address is None
    assert repr(client) == "<sluicegate.identity.Client: 2001:db8::/64, by peer>"


def test_clients_can_be_compared():
    one, same, other = (Identity().client(peer) for peer in ("10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2"))
    assert one == same
    assert len({one, same, other}) == 2
    assert one != "10.0.0.1"


def test_prefixes_and_embedded_addresses_are_chosen():
    assert str(Identity(ipv6_prefix=48).client("2001:db8:1:2::3")) == "2001:db8:1::/48"
    assert str(Identity(ipv4_prefix=24).client("203.0.113.10")) == "203.0.113.0/24"
    nat64 = "64:ff9b::203.0.113.10"
    assert str(Identity().client(nat64)) == "64:ff9b::/64"
    assert str(Identity(embedded=["nat64", "6to4"]).client(nat64)) == "203.0.113.10"


def test_the_key_is_one_for_a_limiter():
    limiter = Limiter("fixed-window 1/3653d")
    assert limiter.check(Identity().client("2001:db8::1").key)
    assert not limiter.check(Identity().client("2001:db8::2").key)
    assert limiter.check(Identity().client("2001:db8:0:1::1").key)


def test_parts_of_a_key_cannot_pass_for_one_another():
    client = Identity().client(PROXY)
    keys = [
        key(),
        key(client),
        key(user=""),
        key(user="ann"),
        key(user=b"ann\0"),
        key(header=("user", "ann")),
        key(user="", name="ann"),
        key(name="ann"),
        key(nam="eann"),
        key(client, user="ann"),
        key(user=client.key),
        key(user="x" * 100_000),
        key(a="1", b="2"),
        key(a="2", b="1"),
    ]
    assert len(set(keys)) == len(keys)
    assert key(client) == client.key
    assert key(header=("X-Api-Key", "k")) == key(header=("x-api-key", b"k"))
    assert key(b="2", a="1") == key(a="1", b="2")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"proxies": "10.0.0.0/33"}, "10.0.0.0/33"),
        ({"proxies": -1}, "'proxies' '-1'|proxies \"-1\""),
        ({"proxies": []}, "proxies"),
        ({"proxies": "a\0b"}, "zero byte"),
        ({"header": "no name"}, 'header "no name"'),
        ({"ipv6_prefix": 129}, "ipv6_prefix is 129; it is a number of bits from 1 to 128"),
        ({"ipv4_prefix": 0}, "ipv4_prefix is 0"),
        ({"ipv4_prefix": True}, "ipv4_prefix is True"),
        ({"embedded": ["nat46"]}, "embedded has 'nat46'"),
        ({"embedded": "nat64x"}, "embedded has 'nat64x'"),
    ],
)
def test_what_is_wrong_is_said(arguments, text):
    with pytest.raises(ArgumentError, match=text):
        Identity(**arguments)


@pytest.mark.parametrize("peer", ["localhost", "1.2.3", b"abc", "10.0.0.1:80"])
def test_a_peer_that_is_no_address_is_refused(peer):
    with pytest.raises(ArgumentError, match="it is an IP address, or None"):
        Identity().client(peer)


def test_arguments_of_other_types_are_type_errors():
    for wrong in ({"header": 5}, {"proxies": [5]}):
        with pytest.raises(TypeError):
            Identity(**wrong)
    with pytest.raises(TypeError):
        key(user=5)


def test_an_identity_cannot_be_copied():
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="this Identity cannot be copied"):
            copied(Identity())


def test_networks_are_lists_in_one_text_or_in_several():
    for given in ("10.0.0.0/8, 192.0.2.7 2001:db8::/32 unix", ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "unix"]):
        networks = identity.Networks(given)
        inside = ["10.1.2.3", "192.0.2.7", "2001:db8::1", "::ffff:10.0.0.1", None, ""]
        outside = ["11.0.0.1", "192.0.2.8", "2001:db9::1", "127.0.0.1"]
        assert [networks.contains(address) for address in inside] == [True] * 6
        assert [networks.contains(address) for address in outside] == [False] * 4
    assert not identity.Networks("loopback").contains(None)


@pytest.mark.parametrize("wrong", ["10.0.0.0/33", "nowhere", ["10.0.0.0/8", "x"], "10.0.0.0/8\0"])
def test_networks_that_are_none_are_refused(wrong):
    with pytest.raises(ArgumentError, match=r"networks"):
        identity.Networks(wrong)
    with pytest.raises(ArgumentError, match="peer is 'x'"):
        identity.Networks("loopback").contains("x")


def test_a_keys_text_is_one_line_without_secrets():
    client = identity.Identity().client("203.0.113.10")
    made = identity.key(client, user="ann\r\n", header=("X-Api-Key", "secret"), route="/é")
    text = identity.key_text(made)
    assert text.startswith(r"203.0.113.10,user=ann\x0d\x0a,x-api-key=#")
    assert text.endswith(r",route=/\xc3\xa9")
    assert "secret" not in text
    assert identity.key_text(b"") == "everybody"
    assert identity.key_text("ann") == "ann"
    long = identity.key_text(identity.key(**{f"part{n}": "\0" * 100_000 for n in range(50)}))
    assert long.isprintable()
    assert len(long) < 50 * 300
