"""Logs: one event a line, JSON or text, with `call_id` and `leg_id` where there is one, and never a secret.

Modules log through the standard library (`logger.info("…", extra={"call_id": …})`); call and leg ids bound with
`structlog.contextvars.bind_contextvars` are added by themselves. Whatever the event, its values pass `redact`.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

from callserver.config import LogSettings

MASK = "[redacted]"
MAX_VALUE_CHARACTERS = 4_000
"""Longer texts are cut: a log line is no place for a message of 64 KB."""

_SECRET_NAMES = re.compile(
    r"(?i)(^|[_\-.])(password|passwd|secret|token|ticket|api_?key|authorization|cookie|credential|hash|pwd|hmac)($|[_\-.s])"
)
_SECRET_TEXTS = (
    # ICE passwords and SRTP keys in a session description (RFC 8839 §5.4, RFC 4568)
    (re.compile(r"(?i)(a=(?:ice-pwd|crypto):)[^\r\n\\]+"), rf"\1{MASK}"),
    # JSON Web Tokens, our API keys and photo tokens
    (re.compile(r"\beyJ[\w-]{4,}(?:\.[\w-]*){0,2}"), MASK),
    (re.compile(r"\bcs[kp]_[\w.-]+"), MASK),
    # headers, cookies and passwords in addresses
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), rf"\1 {MASK}"),
    (re.compile(r"(?i)\b((?:__Host-)?callserver=)[\w-]{16,}"), rf"\1{MASK}"),
    (re.compile(r"(://[^\s:/@]{0,100}:)[^\s@/]{1,200}@"), rf"\1{MASK}@"),
    # name=value and "name": "value", as in messages quoted by an error
    (
        re.compile(
            r"(?i)(\b[\w-]{0,40}(?:password|passwd|secret|token|ticket|api_?key|ice[_-]?pwd|credential)[\"']?\s*[=:]\s*)"
            r"(\"[^\"]*\"|'[^']*'|[^\s,;&}]+)"
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"\$argon2\w*\$\S+"), MASK),
)


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """structlog processor: mask values by their name and secrets inside any text."""
    return {name: _clean(name, value) for name, value in event.items()}


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send everything that is logged in this process to `stream` (default: stderr)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_chain(), processors=_end(settings)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    # Libraries that tell us about every packet or connection are asked for warnings only.
    for name in ("aiortc", "aioice", "aiosqlite", "asyncio", "alembic", "sqlalchemy", "PIL", "aiohttp"):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*_chain(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _chain() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _end(settings: LogSettings) -> list[Processor]:
    end: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        redact,
    ]
    if settings.json:
        return [*end, structlog.processors.JSONRenderer()]
    return [*end, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]


def _clean(name: str, value: Any, depth: int = 0) -> Any:
    if isinstance(value, str | bytes) or value is None or isinstance(value, int | float):
        if value and _SECRET_NAMES.search(name) and not isinstance(value, int | float):
            return MASK
        return value if value is None or isinstance(value, int | float) else _clean_text(value)
    if depth >= 4:
        return _clean_text(str(value))
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(name, item, depth + 1) for item in value]
    return _clean_text(str(value))


def _clean_text(text: str | bytes) -> str:
    if isinstance(text, bytes):
        text = text[:MAX_VALUE_CHARACTERS].decode(errors="replace")
    if len(text) > MAX_VALUE_CHARACTERS:
        text = f"{text[:MAX_VALUE_CHARACTERS]}… (of {len(text)} characters)"
    for pattern, replacement in _SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return text
