"""The sockets of a worker: UDP and TCP on the same number."""

import errno
import logging
import socket

SOCKET_BUFFER_BYTES = 4 << 20

logger = logging.getLogger(__name__)

_TRIALS = 20
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)


def bind_ports(host: str, port: int, tcp: bool) -> tuple[socket.socket, socket.socket | None]:
    """Bound sockets, TCP's None if not wanted; `port` 0 finds a number that is free for both. Raise OSError.

    `::` takes IPv4 as well, and falls back to 0.0.0.0 on a machine without IPv6.
    """
    try:
        return _bind_both(host, port, tcp)
    except OSError as error:
        if host != "::" or error.errno not in _NO_IPV6:
            raise
        logger.warning("no IPv6 here (%s): listening on 0.0.0.0", error.strerror)
        return _bind_both("0.0.0.0", port, tcp)  # noqa: S104 - all addresses were asked for


def _bind_both(host: str, port: int, tcp: bool) -> tuple[socket.socket, socket.socket | None]:
    for trial in range(_TRIALS):
        udp_socket = _bind(host, port, socket.SOCK_DGRAM)
        if not tcp:
            return udp_socket, None
        try:
            return udp_socket, _bind(host, udp_socket.getsockname()[1], socket.SOCK_STREAM)
        except OSError:
            udp_socket.close()
            if port or trial == _TRIALS - 1:
                raise
    raise AssertionError("unreachable")


def _bind(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if kind == socket.SOCK_DGRAM:
            _widen(sock)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _widen(sock: socket.socket) -> None:
    """Room for what comes while the loop is busy elsewhere; the kernel cuts a wish down without a word."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
    received = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    if received < SOCKET_BUFFER_BYTES // 2:
        logger.warning(
            "the UDP receive buffer is only %d bytes: many calls at once may lose packets. "
            "Allow more with: sysctl -w net.core.rmem_max=%d",
            received,
            SOCKET_BUFFER_BYTES,
        )
