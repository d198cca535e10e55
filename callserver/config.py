"""Settings: frozen values from a TOML file and the environment, read here and nowhere else.

Order, later wins: defaults, `callserver.toml` (or --config FILE), environment `CALLSERVER_<SECTION>__<NAME>`
(lists are comma-separated). Unknown names and wrong types are errors that name the place.
"""

from pathlib import Path

import msgspec


class HttpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str = "0.0.0.0"  # noqa: S104 - a call server is there to be reached
    port: int = 8080
    tls_certificate: str = ""
    """PEM files; empty: plain HTTP, for localhost or behind a proxy that ends TLS."""
    tls_key: str = ""
    public_url: str = ""
    """How browsers reach us, e.g. https://calls.example.com; empty: taken from each request."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks whose X-Forwarded-* headers are believed, e.g. 127.0.0.1/32."""


class MediaSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str = "::"
    """`::` is IPv6 and IPv4; 0.0.0.0 where the machine has no IPv6."""
    port: int = 7882
    """UDP and TCP; worker i uses port + i."""
    workers: int = 0
    """0: one less than there are cores, at least one."""
    spare: bool = True
    """Keep one started worker waiting, to take over from one that dies."""
    advertise: tuple[str, ...] = ()
    """Addresses put into offers (public address behind NAT or Docker); empty: this machine's own."""
    tcp: bool = True
    """ICE-TCP for networks that block UDP."""
    dtx: bool = False
    max_video_bps: int = 2_500_000
    max_calls_per_worker: int = 150


class TurnSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An optional coturn with `use-auth-secret`; credentials are made per session (expiry:user, HMAC-SHA1)."""

    urls: tuple[str, ...] = ()
    secret: str = ""
    ttl: int = 600


class CallSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All in seconds."""

    ring_timeout: float = 30.0
    """One round of ringing; then the next agents, or the queue again."""
    queue_timeout: float = 900.0
    """After this long in the queue the call ends `unanswered`."""
    ring_agents: int = 2
    """How many free agents ring at once."""
    resume_window: float = 60.0
    heartbeat: float = 5.0


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    level: str = "info"
    json: bool = True


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    data_dir: Path = Path("data")
    """Database, secret key, photos, Unix sockets of the workers (data_dir/run)."""
    database_url: str = ""
    """SQLAlchemy URL; empty: SQLite in data_dir."""
    drain_timeout: float = 30.0
    """After SIGTERM calls may go on this long."""
    http: HttpSettings = HttpSettings()
    media: MediaSettings = MediaSettings()
    turn: TurnSettings = TurnSettings()
    call: CallSettings = CallSettings()
    log: LogSettings = LogSettings()
    demo: bool = False
    """Demo store, demo site and agent login; never on a public server."""
