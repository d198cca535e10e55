"""Settings: frozen values from a TOML file and the environment, read here and nowhere else.

Order, later wins: defaults, `callserver.toml` (or --config FILE), environment `CALLSERVER_<SECTION>__<NAME>`
(lists are comma-separated). Unknown names and wrong types are errors that name the place.
"""

import ast
import difflib
import inspect
import ipaddress
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_origin

import msgspec

from callserver.ops import settings as ops_settings
from callserver.ops.settings import AlertSettings, TraceSettings
from callserver.quality import settings as quality_settings
from callserver.quality.settings import QualitySettings
from callserver.recordings import settings as recording_settings
from callserver.recordings.settings import RecordingSettings

LOG_LEVELS = ("debug", "info", "warning", "error")


class HttpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str = "0.0.0.0"  # noqa: S104 - a call server is there to be reached
    """Address the web server listens on; 127.0.0.1 behind a proxy on the same machine."""
    port: int = 8080
    """TCP port of pages, REST and WebSocket; 0: any free one."""
    tls_certificate: str = ""
    """PEM file with the chain; empty: plain HTTP, for localhost or behind a proxy that ends TLS."""
    tls_key: str = ""
    """PEM file with the private key of `http.tls_certificate`."""
    tls_port: int = 0
    """With a certificate: https on this port besides plain http on `http.port`; 0: https on `http.port` itself."""
    public_url: str = ""
    """How browsers reach us, e.g. https://calls.example.com; empty: taken from each request."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks whose X-Forwarded-* headers are believed, e.g. 127.0.0.1/32."""
    connections_per_address: int = 64
    """WebSockets one address may hold open (offices share one address)."""


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
    """Ask pages to stop sending in silence (Opus DTX)."""
    max_video_bps: int = 2_500_000
    """Upper bound of one page's video, in bits a second."""
    max_calls_per_worker: int = 150
    """A worker refuses further calls from here on."""
    compiled: bool = True
    """Use the packet path, and what judges calls, as machine code where `callserver compile` has made it."""
    announcements: str = ""
    """A directory with your own music and spoken notices in place of ours (media/announcements/README.md)."""


class TurnSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An optional coturn with `use-auth-secret`; credentials are made per session (expiry:user, HMAC-SHA1)."""

    urls: tuple[str, ...] = ()
    """TURN servers handed to pages, e.g. turns:turn.example.com:443?transport=tcp; empty: none."""
    secret: str = ""
    """The `static-auth-secret` of coturn."""
    ttl: int = 600
    """Seconds a credential is good for new allocations; at most 600."""


class CallSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All in seconds."""

    ring_timeout: float = 30.0
    """One round of ringing; then the next agents, or the queue again."""
    queue_timeout: float = 900.0
    """After this long in the queue the call ends `unanswered`."""
    ring_agents: int = 2
    """How many free agents ring at once."""
    resume_window: float = 60.0
    """A page that lost its connection may come back to its call for this long."""
    heartbeat: float = 5.0
    """How often pages say that they are alive."""
    waiting_music: bool = False
    """Customers who wait hear music and a word, while it rings a tone, at sites without a policy of their own."""


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    level: str = "info"
    """debug, info, warning or error."""
    json: bool = True
    """One JSON object a line; false: coloured text for people."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    data_dir: Path = Path("data")
    """Database, secret key, photos, Unix sockets of the workers (data_dir/run)."""
    database_url: str = ""
    """SQLAlchemy URL; empty: SQLite in data_dir."""
    drain_timeout: float = 30.0
    """After SIGTERM calls may go on this long."""
    max_loop_lag: float = 0.25
    """New calls are refused while event loops come this much too late, on average (seconds)."""
    max_cpu: float = 0.9
    """New calls are refused while the busiest media worker uses more than this part of a core."""
    http: HttpSettings = HttpSettings()
    media: MediaSettings = MediaSettings()
    turn: TurnSettings = TurnSettings()
    call: CallSettings = CallSettings()
    log: LogSettings = LogSettings()
    recording: RecordingSettings = RecordingSettings()
    quality: QualitySettings = QualitySettings()
    alerts: AlertSettings = AlertSettings()
    trace: TraceSettings = TraceSettings()
    demo: bool = False
    """Demo store, demo site and agent login; never on a public server."""


ENVIRONMENT_PREFIX = "CALLSERVER_"
DEFAULT_FILE = Path("callserver.toml")
SECRETS = frozenset({"turn.secret", "database_url"}) | ops_settings.SECRETS
"""Names whose values are masked when settings are shown (a database URL carries a password)."""


class ConfigError(Exception):
    """Settings that cannot be used. Each problem names its place, what was found and what was expected."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Option(msgspec.Struct, frozen=True):
    """One setting as the operator sees it."""

    name: str
    """As in TOML, dotted: `http.port`."""
    environment: str
    type: Any
    default: Any
    meaning: str


@cache
def options() -> tuple[Option, ...]:
    """Every setting there is, in the order of the structs."""
    return tuple(_options(Settings, ""))


def load(
    config: Path | None = None, environment: Mapping[str, str] | None = None, base: Settings | None = None
) -> Settings:
    """Read settings over `base`, or the defaults. `config` must exist, the default file need not. Raise ConfigError."""
    environment = os.environ if environment is None else environment
    path = config or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    problems: list[str] = []
    values = _from_file(path, problems) if path else {}
    values |= _from_environment(environment, problems)
    if problems:
        raise ConfigError(problems)
    return build(values, base)


def build(values: Mapping[str, Any], base: Settings | None = None) -> Settings:
    """Settings from dotted names over `base` (or the defaults), checked against each other. Raise ConfigError."""
    settings = base or Settings()
    for name, value in values.items():
        section, _, leaf = name.rpartition(".")
        changed = msgspec.structs.replace(getattr(settings, section), **{leaf: value}) if section else value
        settings = msgspec.structs.replace(settings, **{section or leaf: changed})
    problems = [*_http_problems(settings.http), *_media_problems(settings.media), *_other_problems(settings)]
    problems += ops_settings.problems(settings.alerts, settings.trace)
    problems += quality_settings.problems(settings.quality)
    problems += recording_settings.problems(settings.recording)
    if problems:
        raise ConfigError(problems)
    return settings


def shown(settings: Settings) -> Iterator[tuple[Option, str]]:
    """Each option with its effective value as text, secrets masked."""
    for option in options():
        value: Any = settings
        for part in option.name.split("."):
            value = getattr(value, part)
        text = "********" if option.name in SECRETS and value else _as_text(value)
        yield option, text


def to_environment(values: Mapping[str, Any]) -> dict[str, str]:
    """Dotted names as the environment of a child process that shall read the same settings."""
    known = {option.name: option.environment for option in options()}
    return {known[name]: ",".join(value) if isinstance(value, tuple) else str(value) for name, value in values.items()}


def table() -> str:
    """The configuration table of the README, in Markdown."""
    rows = ["| Name | Default | Environment | Meaning |", "|---|---|---|---|"]
    for option in options():
        default = _as_text(option.default)
        shown_default = f"`{default}`" if default else "(empty)"
        rows.append(f"| `{option.name}` | {shown_default} | `{option.environment}` | {option.meaning} |")
    return "\n".join(rows) + "\n"


def _options(struct: type[msgspec.Struct], prefix: str) -> Iterator[Option]:
    meanings = _field_docstrings(struct)
    for field in msgspec.structs.fields(struct):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _options(field.type, f"{field.name}.")
            continue
        name = prefix + field.name
        environment = ENVIRONMENT_PREFIX + name.upper().replace(".", "__")
        yield Option(name, environment, field.type, field.default, meanings[field.name])


def _field_docstrings(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The string under each field, which Python itself throws away; read from the source."""
    body = ast.parse(inspect.getsource(struct)).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for statement, following in zip(body.body, [*body.body[1:], None], strict=True):
        if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
            continue
        text = ""
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            text = inspect.cleandoc(str(following.value.value)).replace("\n", " ")
        found[statement.target.id] = text
    return found


def _from_file(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path}: cannot be read: {error}")
        return {}
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{path}: not valid TOML: {error}")
        return {}
    known = {option.name: option for option in options()}
    values: dict[str, Any] = {}
    for name, value in _flatten(tree, {name.partition(".")[0] for name in known if "." in name}):
        option = known.get(name)
        if option is None:
            problems.append(f"{path}: {name}: unknown setting{_suggestion(name, known)}")
            continue
        _check(f"{path}: {name}", option, value, values, problems)
    return values


def _flatten(tree: dict[str, Any], sections: set[str]) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and key in sections:
            yield from ((f"{key}.{name}", item) for name, item in value.items())
        else:
            yield key, value


def _from_environment(environment: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    known = {option.environment: option for option in options()}
    values: dict[str, Any] = {}
    for variable in sorted(name for name in environment if name.startswith(ENVIRONMENT_PREFIX)):
        option = known.get(variable)
        if option is None:
            problems.append(f"environment: {variable}: unknown setting{_suggestion(variable, known)}")
            continue
        text = environment[variable]
        value: Any = text
        if _is_list(option):
            value = [item.strip() for item in text.split(",") if item.strip()]
        elif option.type is bool:
            value = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(
                text.lower(), text
            )
        _check(f"environment: {variable}", option, value, values, problems, strict=False)
    return values


def _check(
    place: str, option: Option, value: Any, values: dict[str, Any], problems: list[str], *, strict: bool = True
) -> None:
    """Put the converted value into `values`, or a sentence into `problems`."""
    try:
        values[option.name] = msgspec.convert(value, option.type, strict=strict, dec_hook=_decode_path)
    except msgspec.ValidationError as error:
        found = "a value that is not shown" if option.name in SECRETS else repr(value)
        problems.append(f"{place}: {found} cannot be used: {error}; expected {_expectation(option)}")


def _expectation(option: Option) -> str:
    if _is_list(option):
        return "a list of texts (in the environment: comma-separated)"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", Path: "a path"}
    kind = next((name for base, name in names.items() if option.type is base), "")
    return kind or f"a value like {_as_text(option.default)}"


def _suggestion(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else "; `callserver check-config --table` lists all of them"


def _is_list(option: Option) -> bool:
    return get_origin(option.type) is tuple


def _decode_path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise msgspec.ValidationError(f"Expected `{kind.__name__}`, got `{type(value).__name__}`")


def _as_text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _http_problems(http: HttpSettings) -> Iterator[str]:
    for name, port in (("http.port", http.port), ("http.tls_port", http.tls_port)):
        if not 0 <= port <= 65535:
            yield f"{name}: {port} is no port; expected 0 to 65535"
    if http.tls_port and not http.tls_certificate:
        yield f"http.tls_port: {http.tls_port} without a certificate; expected http.tls_certificate and http.tls_key"
    if bool(http.tls_certificate) != bool(http.tls_key):
        yield "http.tls_certificate and http.tls_key: one without the other; expected both or none"
    for name, text in (("http.tls_certificate", http.tls_certificate), ("http.tls_key", http.tls_key)):
        if text and not Path(text).is_file():
            yield f"{name}: no file {text}; expected a PEM file"
    if http.public_url and not re.fullmatch(r"https?://[^/\s?#]+", http.public_url):
        yield f"http.public_url: {http.public_url!r}; expected scheme and host only, e.g. https://calls.example.com"
    for network in http.trusted_proxies:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            yield f"http.trusted_proxies: {error}; expected networks such as 127.0.0.1/32"
    if http.connections_per_address < 1:
        yield f"http.connections_per_address: {http.connections_per_address}; expected 1 or more"


def _media_problems(media: MediaSettings) -> Iterator[str]:
    if not 0 <= media.port <= 65535:
        yield f"media.port: {media.port} is no port; expected 0 to 65535"
    for address in media.advertise:
        try:
            ipaddress.ip_address(address)
        except ValueError as error:
            yield f"media.advertise: {error}; expected IP addresses such as 203.0.113.7"
    if media.workers < 0:
        yield f"media.workers: {media.workers}; expected 0 (as many as fit the machine) or more"
    if media.max_calls_per_worker < 1:
        yield f"media.max_calls_per_worker: {media.max_calls_per_worker}; expected 1 or more"
    if media.max_video_bps < 50_000:
        yield f"media.max_video_bps: {media.max_video_bps}; expected 50000 or more"


def _other_problems(settings: Settings) -> Iterator[str]:
    turn, call = settings.turn, settings.call
    if bool(turn.urls) != bool(turn.secret):
        yield "turn.urls and turn.secret: one without the other; expected both or none"
    for url in turn.urls:
        if not re.match(r"(turns?|stuns?):", url):
            yield f"turn.urls: {url!r}; expected e.g. turns:turn.example.com:443?transport=tcp"
    if not 60 <= turn.ttl <= 600:
        yield f"turn.ttl: {turn.ttl}; expected 60 to 600 seconds"
    positive = ("ring_timeout", "queue_timeout", "ring_agents", "resume_window", "heartbeat")
    for name in (name for name in positive if not getattr(call, name) > 0):
        yield f"call.{name}: {getattr(call, name)}; expected more than 0"
    if not settings.drain_timeout >= 0:
        yield f"drain_timeout: {settings.drain_timeout}; expected 0 or more seconds"
    for name in (name for name in ("max_loop_lag", "max_cpu") if not getattr(settings, name) > 0):
        yield f"{name}: {getattr(settings, name)}; expected more than 0"
    if settings.log.level not in LOG_LEVELS:
        yield f"log.level: {settings.log.level!r}; expected one of {', '.join(LOG_LEVELS)}"
