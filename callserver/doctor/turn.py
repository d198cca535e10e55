"""Asks each TURN server for an allocation as a page would, and gives it back."""

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NamedTuple

from callserver.doctor import stun
from callserver.doctor.finding import Finding, note, ok, problem
from signaling.protocol import IceServer

TIMEOUT = 3.0
TRIES = 3
_URL = re.compile(r"(turns?|stuns?):(\[[0-9A-Fa-f:.]+\]|[^:?]+)(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?")

Exchange = Callable[[bytes], bytes]
"""Sends one message and returns the answer; raises OSError."""


class Server(NamedTuple):
    scheme: str
    host: str
    port: int
    transport: str


def read_url(url: str) -> Server | None:
    """The parts of a TURN URL (RFC 7065); None if it is none."""
    found = _URL.fullmatch(url)
    if found is None:
        return None
    scheme, host, port, transport = found.groups()
    secure = scheme in ("turns", "stuns")
    return Server(
        scheme, host.strip("[]"), int(port or (5349 if secure else 3478)), transport or ("tcp" if secure else "udp")
    )


def check(servers: list[IceServer]) -> Iterator[Finding]:
    """One finding a URL."""
    if not servers:
        yield note(
            "turn", "no TURN server is set", "networks that let out nothing but TLS to port 443 need one: turn.urls"
        )
    for ice in servers:
        for url in ice.urls:
            yield check_url(url, ice.username, ice.credential)


def check_url(url: str, user: str, password: str) -> Finding:
    """Whether the server gives us an allocation."""
    server = read_url(url)
    if server is None:
        return problem("turn", f"{url} is no TURN URL", "write e.g. turns:turn.example.com:443?transport=tcp")
    try:
        with closing(_connect(server)) as sock:
            exchange = _datagrams(sock) if server.transport == "udp" else _stream(sock)
            answer = bind(exchange) if server.scheme.startswith("stun") else allocate(exchange, user, password)
    except (OSError, stun.StunError) as error:
        do = "is it running, and is the port open in its firewall?"
        if isinstance(error, ssl.SSLError):
            do = "renew or complete the certificate of the TURN server: browsers check it, too"
        return problem("turn", f"{url}: {type(error).__name__}: {error}", do)
    if answer.error == 401:
        return problem(
            "turn",
            f"{url} refuses our credentials",
            "turn.secret must be its static-auth-secret, and both clocks right",
        )
    if answer.error:
        return problem("turn", f"{url} answers with error {answer.error}", "see the log of the TURN server")
    return ok("turn", f"{url} gives relayed addresses with our credentials")


def bind(exchange: Exchange) -> stun.Message:
    """A plain STUN request."""
    return _ask(exchange, stun.BINDING, {}, b"")


def allocate(exchange: Exchange, user: str, password: str) -> stun.Message:
    """The last answer of an Allocate: success, or the error. A success is given back at once (lifetime 0)."""
    wanted = {stun.REQUESTED_TRANSPORT: stun.UDP}
    first = _ask(exchange, stun.ALLOCATE, wanted, b"")
    if first.error != 401:
        return first
    realm, nonce = first.attributes.get(stun.REALM, b""), first.attributes.get(stun.NONCE, b"")
    key = stun.long_term_key(user, realm.decode(errors="replace"), password)
    signed = {stun.USERNAME: user.encode(), stun.REALM: realm, stun.NONCE: nonce}
    answer = _ask(exchange, stun.ALLOCATE, wanted | signed, key)
    if not answer.error:
        _ask(exchange, stun.REFRESH, {stun.LIFETIME: bytes(4)} | signed, key)
    return answer


def _ask(exchange: Exchange, kind: int, attributes: dict[int, bytes], key: bytes) -> stun.Message:
    transaction = stun.new_transaction()
    answer = stun.parse(exchange(stun.build(kind, transaction, attributes, key)))
    if answer.transaction != transaction:
        raise stun.StunError("answers something else")
    return answer


def _connect(server: Server) -> socket.socket:
    if server.transport == "udp":
        family, kind, protocol, _, address = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_DGRAM)[0]
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(TIMEOUT)
        sock.connect(address)
        return sock
    plain = socket.create_connection((server.host, server.port), timeout=TIMEOUT)
    if server.scheme in ("turns", "stuns"):
        return ssl.create_default_context().wrap_socket(plain, server_hostname=server.host)
    return plain


def _datagrams(sock: socket.socket) -> Exchange:
    def exchange(message: bytes) -> bytes:
        for attempt in range(TRIES):
            sock.send(message)
            try:
                return sock.recv(stun.MAX_MESSAGE_BYTES)
            except TimeoutError:
                if attempt == TRIES - 1:
                    raise
        raise TimeoutError

    return exchange


def _stream(sock: socket.socket) -> Exchange:
    def exactly(count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = sock.recv(count - len(data))
            if not part:
                raise ConnectionError("closed by the server")
            data += part
        return data

    def exchange(message: bytes) -> bytes:
        sock.sendall(message)
        head = exactly(20)
        return head + exactly(min(int.from_bytes(head[2:4]), stun.MAX_MESSAGE_BYTES))

    return exchange
