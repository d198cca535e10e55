"""Addresses, tokens, throttles: the parts without a server."""

import base64
import hashlib
import hmac

import jwt
import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given, strategies as st

from signaling.admission import Admission
from signaling.http.address import Proxies, throttle_key
from signaling.http.throttle import MAX_KEYS, Backoff, Rate
from signaling.http.tokens import Invitation, TokenError, Tokens, identity_holds, turn_servers

KEY = b"k" * 32


def tokens(now: float = 1000.0, key: bytes = KEY) -> Tokens:
    return Tokens(key, lambda: now)


def request(remote: str, **headers: str) -> object:
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    class Transport:
        def get_extra_info(self, name: str, default: object = None) -> object:
            return (remote, 1) if name == "peername" else default

        def is_closing(self) -> bool:
            return False

    return make_mocked_request("GET", "/", headers={"Host": "h.example"} | named, transport=Transport())


@pytest.mark.parametrize(
    ("remote", "forwarded", "found"),
    [
        ("203.0.113.1", "198.51.100.1", "203.0.113.1"),  # not our proxy: what it says is not believed
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),  # the left one was written by the client
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),  # two proxies of ours
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_the_client_is_the_first_that_is_no_proxy_of_ours(remote: str, forwarded: str, found: str) -> None:
    proxies = Proxies(["10.0.0.0/8"])
    headers = {"X_Forwarded_For": forwarded} if forwarded else {}
    assert str(proxies.client_address(request(remote, **headers))) == found  # type: ignore[arg-type]


@given(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=80))
def test_any_forwarded_header_gives_an_address(text: str) -> None:
    proxies = Proxies(["10.0.0.0/8"])
    assert throttle_key(proxies.client_address(request("10.0.0.1", X_Forwarded_For=text)))  # type: ignore[arg-type]


def test_ipv6_neighbours_share_their_ration() -> None:
    proxies = Proxies()
    keys = {throttle_key(proxies.client_address(request(f"2001:db8::{n}"))) for n in (1, 2)}  # type: ignore[arg-type]
    assert keys == {"2001:db8::"}


def test_our_origin_follows_trusted_proxies_only() -> None:
    forwarded = {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "calls.example"}
    proxies = Proxies(["10.0.0.0/8"])
    assert proxies.origin(request("10.0.0.1", **forwarded)) == "https://calls.example"  # type: ignore[arg-type]
    assert proxies.origin(request("203.0.113.1", **forwarded)) == "http://h.example"  # type: ignore[arg-type]
    assert Proxies((), "https://x.example/").origin(request("203.0.113.1")) == "https://x.example"  # type: ignore[arg-type]


def test_a_ticket_says_what_was_put_in() -> None:
    admission = Admission("customer", "shop", origin="https://a.example")
    token, expires_at = tokens().make_ticket(admission)
    found = tokens(expires_at - 0.1).read_ticket(token, "https://a.example")
    assert (found.admission, found.expires_at) == (admission, expires_at)
    for now, key, origin in (
        (expires_at, KEY, "https://a.example"),
        (1000.0, b"x" * 32, "https://a.example"),
        (1000.0, KEY, "https://b.example"),
    ):
        with pytest.raises(TokenError):
            tokens(now, key).read_ticket(token, origin)


def test_unsigned_and_differently_signed_tokens_are_refused() -> None:
    claims = {"aud": "callserver:websocket", "exp": 9e9, "jti": "1", "content": {"role": "agent"}}
    public = tokens().make_photo_token("s")
    forged = [
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims, KEY, algorithm="HS256"),  # the secret itself is nobody's key
        jwt.encode(claims, b"z" * 64, algorithm="HS512"),
        public,
        "a." * 20_000,
    ]
    for token in forged:
        with pytest.raises(TokenError):
            tokens().read_ticket(token, "")


def test_tokens_of_one_kind_are_none_of_another() -> None:
    ticket, _ = tokens().make_ticket(Admission("customer", "shop"))
    invitation = tokens().make_invitation(Invitation("shop", "c1"))
    assert tokens().read_invitation(invitation) == Invitation("shop", "c1")
    with pytest.raises(TokenError):
        tokens().read_invitation(ticket)
    with pytest.raises(TokenError):
        tokens().read_ticket(invitation, "")
    with pytest.raises(TokenError):
        tokens(1000.0 + 24 * 3600).read_invitation(invitation)


@given(st.text(max_size=60))
def test_any_text_is_refused_as_a_token(text: str) -> None:
    for read in (tokens().read_invitation, tokens().read_photo_token, lambda text: tokens().read_ticket(text, "")):
        with pytest.raises(TokenError):
            read(text)


def test_photo_tokens_hold_for_their_session() -> None:
    token = tokens().make_photo_token("se_ss-1")
    assert tokens().read_photo_token(token) == "se_ss-1"
    with pytest.raises(TokenError):
        tokens().read_photo_token(token.replace("se_ss", "other"))


def test_an_identity_needs_a_secret() -> None:
    nothing = hmac.digest(b"", b"u\nn", "sha256").hex()
    assert not identity_holds("", "u", "n", nothing)


def test_turn_credentials_are_coturns() -> None:
    (server,) = turn_servers(("turns:t.example:443",), "north", "s1", 1600.7)
    assert server.username == "1600:s1"
    assert server.credential == base64.b64encode(hmac.new(b"north", b"1600:s1", hashlib.sha1).digest()).decode()
    assert turn_servers((), "north", "s1", 1600.0) == []


def test_a_short_secret_is_no_secret() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Tokens(b"short", lambda: 0.0)


def test_a_rate_gives_its_burst_and_then_its_refill() -> None:
    rate = Rate(burst=3, per=30.0)
    assert [rate.allow("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert rate.allow("b", 0.0)
    assert [rate.allow("a", now) for now in (9.0, 10.1, 10.2)] == [False, True, False]


def test_a_pause_doubles_is_bounded_and_forgotten() -> None:
    backoff = Backoff(free=2, longest=8.0)
    pauses = []
    for _ in range(8):
        backoff.failed("a", 0.0)
        pauses.append(backoff.pause("a", 0.0))
    assert pauses == [0.0, 0.0, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert backoff.pause("a", 5.0) == 3.0
    assert backoff.pause("b", 0.0) == 0.0
    backoff.failed("a", 100.0)
    assert backoff.pause("a", 100.0) == 0.0, "long ago"
    backoff.succeeded("a")
    assert backoff.pause("a", 100.0) == 0.0


def test_many_addresses_do_not_fill_the_memory() -> None:
    rate, backoff = Rate(1, 1.0), Backoff(0, 1.0)
    for number in range(MAX_KEYS + 100):
        rate.allow(str(number), 0.0)
        backoff.failed(str(number), 0.0)
    assert len(rate._buckets) == len(backoff._failures) == MAX_KEYS
