"""Ports, addresses, TLS: whether browsers can reach what they must reach."""

import ipaddress
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from callserver.config import HttpSettings, MediaSettings, Settings
from callserver.doctor import stun
from callserver.doctor.finding import Finding, note, ok, problem, warning
from callserver.ops.machine import certificate_left
from callserver.supervise import taken_ports, worker_count
from media.io import worker_files

TIMEOUT = 2.0
DAY = 86_400.0


def check_ports(settings: Settings, addresses: Iterable[str]) -> Iterator[Finding]:
    """Are the ports free, or ours; and does what is sent to the advertised addresses come in?"""
    directory = worker_files.run_directory(settings.data_dir)
    media, wanted = settings.media, list(addresses)
    ports = range(media.port, media.port + worker_count(media))
    running = any(worker_files.alive(path) for path in worker_files.sockets(directory))
    taken = [text for text in taken_ports(settings, directory) if not (running and "HTTP" in text)]
    for text in taken:
        yield problem("ports", text, "stop the other program, or choose another port in the settings")
    if taken:
        return
    if running:
        yield ok("ports", f"the server is running; media ports {ports.start} to {ports.stop - 1} are its own")
        for address in wanted:
            yield _tcp_answers(address, media.port, "media")
        yield note(
            "ports", "UDP from outside cannot be tried from here", "open /test from another network: it tries it"
        )
        return
    yield ok("ports", f"HTTP port {settings.http.port} and media ports {ports.start} to {ports.stop - 1} are free")
    for address in wanted:
        yield udp_comes_in(address, media.port)


def udp_comes_in(address: str, port: int) -> Finding:
    """Listen where a worker would and send a STUN request to the advertised address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    transaction = stun.new_transaction()
    do = f"forward UDP and TCP port {port} of {address} to this machine and open them in the firewall"
    try:
        with (
            closing(socket.socket(family, socket.SOCK_DGRAM)) as listener,
            closing(socket.socket(family, socket.SOCK_DGRAM)) as sender,
        ):
            listener.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))  # noqa: S104
            listener.settimeout(TIMEOUT)
            sender.sendto(stun.build(stun.BINDING, transaction, {}), (address, listener.getsockname()[1]))
            arrived = stun.parse(listener.recv(stun.MAX_MESSAGE_BYTES))
    except TimeoutError:
        # Many routers do not lead a packet from inside to their own outside address back in ("hairpin").
        said = f"UDP to {address}:{port} did not come back to this machine"
        return warning(
            "ports", said, f"{do}; some routers never do that for packets from inside: try /test from another network"
        )
    except (OSError, stun.StunError) as error:
        return problem("ports", f"UDP to {address}:{port}: {error}", do)
    if arrived.transaction != transaction:
        return warning("ports", f"UDP to {address}:{port}: something else came in", do)
    return ok("ports", f"UDP to {address}:{port} comes in")


def _tcp_answers(address: str, port: int, what: str) -> Finding:
    try:
        socket.create_connection((address, port), timeout=TIMEOUT).close()
    except OSError as error:
        do = f"forward TCP port {port} of {address} to this machine and open it in the firewall"
        return warning("ports", f"TCP to {address}:{port} ({what}): {error}", do)
    return ok("ports", f"TCP to {address}:{port} ({what}) is answered")


def check_addresses(media: MediaSettings, own: list[str]) -> Iterator[Finding]:
    """Are the addresses in offers ones that browsers can reach?"""
    shown = list(media.advertise) or own
    if not shown:
        yield problem("network", "this machine has no address but loopback", "connect it, or set media.advertise")
    elif not any(ipaddress.ip_address(text).is_global for text in shown):
        do = "set media.advertise to the public address, unless all customers are in this network"
        yield warning("network", f"offers name private addresses only: {', '.join(shown)}", do)
    else:
        yield ok("network", f"offers name {', '.join(shown)}")
    if not media.tcp:
        yield warning("network", "ICE-TCP is off", "media.tcp = true helps customers whose network blocks UDP")


def check_tls(http: HttpSettings, wall_time: float) -> Iterator[Finding]:
    """Certificate, key and name."""
    if not http.tls_certificate:
        if http.public_url.startswith("https:"):
            yield note("tls", "TLS ends at a proxy before us", "its certificate is its own affair; check it there")
        else:
            do = "browsers give camera and microphone to https pages only: set http.tls_certificate, or use a proxy"
            yield warning("tls", "pages are served by plain http", do)
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(http.tls_certificate, http.tls_key)
    except (OSError, ssl.SSLError) as error:
        yield problem("tls", f"certificate and key cannot be used: {error}", "they must be PEM and belong together")
        return
    left = certificate_left(http.tls_certificate, wall_time) or 0.0
    if left <= 0:
        yield problem("tls", "the certificate has ended", "renew it and restart the server")
    elif left < 14 * DAY:
        yield warning("tls", f"the certificate ends in {left / DAY:.0f} days", "renew it and restart the server")
    else:
        yield ok("tls", f"the certificate is good for {left / DAY:.0f} days")
    host = http.public_url.partition("://")[2].rpartition(":")[0] or http.public_url.partition("://")[2]
    if host and not _names(http.tls_certificate, host):
        yield problem("tls", f"the certificate is not for {host}", "get one for the host of http.public_url")


def _names(path: str, host: str) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(Path(path).read_bytes())
        extension = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    assert isinstance(extension, x509.SubjectAlternativeName)
    names = [name.lower() for name in extension.get_values_for_type(x509.DNSName)]
    names += [str(address) for address in extension.get_values_for_type(x509.IPAddress)]
    wild = "*." + host.lower().partition(".")[2]
    return host.lower() in names or wild in names
