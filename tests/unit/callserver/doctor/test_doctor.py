import hashlib
import hmac
import socket
import threading
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, strategies as st

from callserver.config import HttpSettings, MediaSettings
from callserver.doctor import machine, network, stun, turn
from callserver.doctor.cli import as_text, remote_time
from callserver.doctor.finding import Finding, problem
from signaling.protocol import IceServer

DAY = 86_400.0


def statuses(findings: object) -> list[str]:
    return [finding.status for finding in findings]  # type: ignore[attr-defined]


def certificate(directory: Path, name: str, days: float) -> HttpSettings:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (directory / "c.pem").write_bytes(made.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / "k.pem").write_bytes(private)
    url = "https://calls.example.com"
    return HttpSettings(tls_certificate=str(directory / "c.pem"), tls_key=str(directory / "k.pem"), public_url=url)


@pytest.mark.parametrize(
    ("name", "days", "expected"),
    [
        ("calls.example.com", 90, ["ok"]),
        ("*.example.com", 90, ["ok"]),
        ("calls.example.com", 3, ["warning"]),
        ("calls.example.com", -1, ["problem"]),
        ("other.example.com", 90, ["ok", "problem"]),
    ],
)
def test_certificates(tmp_path: Path, name: str, days: float, expected: list[str]) -> None:
    http = certificate(tmp_path, name, days)
    assert statuses(network.check_tls(http, datetime.now(UTC).timestamp())) == expected


def test_a_key_of_another_certificate_is_a_problem(tmp_path: Path) -> None:
    http = certificate(tmp_path, "calls.example.com", 90)
    (tmp_path / "k.pem").write_text("nothing")
    assert statuses(network.check_tls(http, 0.0)) == ["problem"]


@pytest.mark.parametrize(
    ("advertise", "own", "expected"),
    [
        ((), [], "problem"),
        ((), ["192.168.1.4"], "warning"),
        (("9.9.9.9",), ["192.168.1.4"], "ok"),
    ],
)
def test_addresses_in_offers(advertise: tuple[str, ...], own: list[str], expected: str) -> None:
    assert statuses(network.check_addresses(MediaSettings(advertise=advertise), own)) == [expected]


def test_udp_to_ourselves_comes_in() -> None:
    assert network.udp_comes_in("127.0.0.1", 0).status == "ok"


def test_the_disk() -> None:
    assert set(statuses(machine.check_disk(Path("/no/such/place")))) <= {"ok", "problem"}


def test_the_clock() -> None:
    here = lambda: datetime.now(UTC).timestamp()  # noqa: E731
    assert statuses(machine.check_clock(lambda _: None, here)) == ["ok", "ok"]
    assert statuses(machine.check_clock(lambda _: None, lambda: here() - 600))[-1] == "problem"
    with pytest.raises(ValueError, match="http"):
        remote_time("file:///etc/passwd")


def test_versions_and_codecs_are_named() -> None:
    assert "Python" in next(iter(machine.check_versions())).said
    assert [finding.check for finding in machine.check_codecs()] == ["codecs", "codecs"]


def test_a_finding_as_text_ends_with_what_to_do() -> None:
    assert as_text(problem("tls", "broken", "mend it")).splitlines()[-1].strip() == "mend it"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_an_error(data: bytes) -> None:
    with suppress(stun.StunError):
        stun.parse(data)


@given(st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=60), max_size=8))
def test_messages_round_trip(attributes: dict[int, bytes]) -> None:
    transaction = bytes(range(12))
    assert stun.parse(stun.build(stun.BINDING, transaction, attributes)).attributes == attributes


def test_integrity_is_that_of_the_standard() -> None:
    data = stun.build(stun.ALLOCATE, bytes(12), {stun.USERNAME: b"u"}, b"key")
    expected = hmac.digest(b"key", data[:-24], "sha1")
    assert data[-20:] == expected
    assert stun.long_term_key("u", "r", "p") == hashlib.md5(b"u:r:p").digest()


class TurnServer(threading.Thread):
    """A TURN server that knows one password, on loopback, for a few datagrams."""

    def __init__(self, password: str) -> None:
        super().__init__(daemon=True)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(5)
        self.port = self.sock.getsockname()[1]
        self.password = password
        self.seen: list[int] = []

    def run(self) -> None:
        with closing(self.sock):
            for _ in range(3):
                try:
                    data, source = self.sock.recvfrom(2048)
                except OSError:
                    return
                self.sock.sendto(self.answer(data), source)

    def answer(self, data: bytes) -> bytes:
        asked = stun.parse(data)
        self.seen.append(asked.kind)
        key = stun.long_term_key("user", "realm", self.password)
        if hmac.digest(key, data[:-24], "sha1") == data[-20:]:
            return stun.build(asked.kind | stun.SUCCESS, asked.transaction, {})
        refusal = {stun.ERROR_CODE: b"\0\0\x04\x01", stun.REALM: b"realm", stun.NONCE: b"nonce"}
        return stun.build(asked.kind | stun.ERROR, asked.transaction, refusal)


@pytest.mark.parametrize(("password", "expected"), [("right", "ok"), ("wrong", "problem")])
def test_turn_gives_an_allocation_or_says_why_not(password: str, expected: str) -> None:
    server = TurnServer("right")
    server.start()
    url = f"turn:127.0.0.1:{server.port}?transport=udp"
    (found,) = turn.check([IceServer([url], "user", password)])
    assert found.status == expected, found
    if expected == "ok":
        server.join(5)
        assert server.seen == [stun.ALLOCATE, stun.ALLOCATE, stun.REFRESH]
    else:
        server.sock.close()


def test_no_turn_is_worth_a_note_and_nonsense_a_problem() -> None:
    assert statuses(turn.check([])) == ["note"]
    assert statuses(turn.check([IceServer(["http://x"], "", "")])) == ["problem"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("turn:turn.example.com", turn.Server("turn", "turn.example.com", 3478, "udp")),
        ("turns:turn.example.com:443?transport=tcp", turn.Server("turns", "turn.example.com", 443, "tcp")),
        ("stun:[2001:db8::1]:3478", turn.Server("stun", "2001:db8::1", 3478, "udp")),
        ("turn:", None),
    ],
)
def test_turn_urls(url: str, expected: turn.Server | None) -> None:
    assert turn.read_url(url) == expected


def test_every_warning_says_what_to_do() -> None:
    found: list[Finding] = [*machine.check_versions(), *network.check_tls(HttpSettings(), 0.0), *turn.check([])]
    assert all(finding.do for finding in found if finding.status in ("warning", "problem"))
