"""`callserver demo`: a store with the button, two agents, https for phones; then the same server as `serve`."""

import argparse
import asyncio
import ipaddress
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import ifaddr
import segno
from argon2 import PasswordHasher
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from callserver import config
from callserver.compiled import COMPILE, made
from callserver.config import HttpSettings, LogSettings, Settings
from callserver.store.database import Database, sqlite_url
from callserver.store.records import SqlRecords
from callserver.supervise import serve
from signaling.http.tokens import api_key_hash, make_api_key
from signaling.policy import CallPolicy
from signaling.records import AgentAccount, Site

SITE = "demo"
AGENTS = (("anna", "Anna"), ("ben", "Ben"))
OPERATOR = ("ops", "Olga")
PASSWORD = "demo"  # noqa: S105 - of the demo, printed; it guards nothing

RECORDED = CallPolicy("agent", retention_days=7.0, waiting_music=True)
"""The demo's agents may record, so that it can be seen."""

CERTIFICATE_DAYS = 365
"""Browsers refuse longer ones (CA/Browser Forum, 398 days)."""

_ANYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not bound


def run(options: argparse.Namespace) -> int:
    """Prepare the demo's data and serve until Ctrl-C."""
    settings, values = demo_settings(options)
    asyncio.run(prepare(settings))
    addresses = list(lan_addresses()) if settings.http.host in _ANYWHERE else []
    if settings.http.tls_port:
        certificate(settings.http, ["127.0.0.1", *addresses])
    print(welcome(settings.http, addresses, settings.media.compiled and made() is not None), flush=True)
    return serve(settings, options.config, config.to_environment(values))


def demo_settings(options: argparse.Namespace) -> tuple[Settings, dict[str, Any]]:
    """The operator's settings with the demo's on top, and those alone."""
    loaded = config.load(options.config, base=Settings(log=LogSettings(level="warning", json=False)))
    data_dir = options.data_dir.resolve()
    values: dict[str, Any] = {
        "data_dir": data_dir,
        "http.port": options.port,
        "demo": True,
        "log.level": loaded.log.level,
        "log.json": loaded.log.json,
    }
    if options.https_port and not loaded.http.tls_certificate:
        if _free(loaded.http.host, options.https_port):
            tls = data_dir / "tls"
            values |= {"http.tls_certificate": str(tls / "certificate.pem"), "http.tls_key": str(tls / "key.pem")}
            values["http.tls_port"] = options.https_port
            _touch(tls)
        else:
            print(f"callserver: port {options.https_port} is taken: no https, so no phones", file=sys.stderr)
    return config.build(values, base=loaded), values


async def prepare(settings: Settings) -> None:
    """The demo's site and agents, unless they are there."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database_url or sqlite_url(settings.data_dir))
    try:
        await database.migrate()
        records = SqlRecords(database)
        if await records.site(SITE) is None:
            key_hash, secret = api_key_hash(make_api_key()), secrets.token_urlsafe(32)
            await records.save_site(Site(SITE, "Demo store", (), secret, key_hash, policy=RECORDED))
        for login, name in (*AGENTS, OPERATOR):
            if await records.agent_by_login(login) is None:
                role: Literal["agent", "operator"] = "operator" if (login, name) == OPERATOR else "agent"
                await records.save_agent(AgentAccount(login, login, name, PasswordHasher().hash(PASSWORD), role=role))
    finally:
        await database.close()


def lan_addresses() -> Iterator[str]:
    """Our IPv4 addresses on networks, the one of the default route first."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: asks the routing table (RFC 5737 address)
            first = probe.getsockname()[0]
        except OSError:
            first = ""
    others = {address.ip for adapter in ifaddr.get_adapters() for address in adapter.ips if address.is_IPv4}
    for text in dict.fromkeys([first, *sorted(others)]):
        if text and not ipaddress.ip_address(text).is_loopback:
            yield text


def certificate(http: HttpSettings, addresses: list[str]) -> None:
    """A self-signed certificate for localhost and these addresses, unless a fitting one is there."""
    path = Path(http.tls_certificate)
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), *(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses)]
    if _fits(path, names, now):
        return
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "callserver demo")])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    Path(http.tls_key).write_bytes(private)
    path.write_bytes(made.public_bytes(pem))


def welcome(http: HttpSettings, addresses: list[str], compiled: bool = False) -> str:
    """What the person at the terminal reads; `compiled`: the packet path is."""
    lines = [
        "callserver demo",
        f"  store     http://localhost:{http.port}/shop",
        f"  console   http://localhost:{http.port}/console",
        *(f"  agent     {login}, password {PASSWORD}" for login, _ in AGENTS),
        f"  operator  http://localhost:{http.port}/ops  {OPERATOR[0]}, password {PASSWORD}",
    ]
    if http.tls_port and addresses:
        lines += [f"  phone     https://{address}:{http.tls_port}/shop" for address in addresses[:1]]
        lines.append("            (same network; the browser asks once about the certificate)")
        lines += [_qr_code(f"https://{addresses[0]}:{http.tls_port}/shop")]
    lines.append(f"  packets   {'compiled' if compiled else 'interpreted: enough for a desk; ' + COMPILE}")
    return "\n".join([*lines, "  Ctrl-C ends it. Not for a public server: everybody knows the password.", ""])


def _qr_code(text: str) -> str:
    """The code in half blocks, where the terminal can show them."""
    if "utf" not in (sys.stdout.encoding or "").lower():
        return ""
    rows = [[bool(cell) for cell in row] for row in segno.make(text, error="m").matrix_iter(border=2)]
    rows += [[False] * len(rows[0])] * (len(rows) % 2)
    blocks = {(True, True): " ", (True, False): "▄", (False, True): "▀", (False, False): "█"}
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "\n".join("  " + "".join(blocks[pair] for pair in zip(*two, strict=True)) for two in pairs)


def _free(host: str, port: int) -> bool:
    try:
        with closing(socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)):
            return True
    except OSError:
        return False


def _touch(directory: Path) -> None:
    """The files must be there for the settings to be accepted; `certificate` fills them."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in ("certificate.pem", "key.pem"):
        os.close(os.open(directory / name, os.O_CREAT | os.O_WRONLY, 0o600))


def _fits(path: Path, names: list[x509.GeneralName], now: datetime) -> bool:
    try:
        known = x509.load_pem_x509_certificate(path.read_bytes())
        covered = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    return set(names) <= set(covered) and known.not_valid_after_utc > now + timedelta(days=7)
