"""Settings of alerts and observation; part of `callserver.config.Settings`, which reads them."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from callserver.ops.alert_rules import RulesError, load_rules
from callserver.ops.webhook_signature import secret_bytes

_PLAIN_ADDRESS = re.compile(r'[^\s@<>,;()\[\]"]+@[^\s@<>,;()\[\]"]+')
SECURITY = ("starttls", "tls", "none")


class AlertSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rules: str = ""
    """TOML file of `[[rule]]` tables over the default set (callserver/ops/alert_defaults.toml); empty: those alone."""
    webhook_url: str = ""
    """Alerts are posted there, signed after Standard Webhooks; empty: nowhere."""
    webhook_secret: str = ""
    """`whsec_` and base64 of 24 to 64 random bytes; signs what is posted."""
    allow_private: bool = False
    """Whether the webhook may be an address of this machine or a private network."""
    mail_to: tuple[str, ...] = ()
    """Addresses that get alerts by e-mail; empty: none."""
    mail_from: str = ""
    """Sender of those e-mails."""
    smtp_host: str = ""
    """SMTP server that takes them."""
    smtp_port: int = 587
    """587 with starttls, 465 with tls, 25 with none."""
    smtp_security: str = "starttls"
    """starttls, tls or none (only for a server on the same machine)."""
    smtp_user: str = ""
    """Login at the SMTP server; empty: none."""
    smtp_password: str = ""
    """Password of `alerts.smtp_user`."""


class TraceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    endpoint: str = ""
    """OTLP over HTTP for traces of call set-up (extra `[otel]`), e.g. http://127.0.0.1:4318/v1/traces; empty: none."""
    service_name: str = "callserver"
    """`service.name` of the traces."""


SECRETS = frozenset({"alerts.webhook_secret", "alerts.smtp_password"})


def problems(alerts: AlertSettings, trace: TraceSettings) -> Iterator[str]:
    """What cannot work, one sentence each with its place and what was expected."""
    if alerts.webhook_url and urlsplit(alerts.webhook_url).scheme not in ("http", "https"):
        yield f"alerts.webhook_url: {alerts.webhook_url!r}; expected http:// or https://"
    if alerts.webhook_url:
        try:
            secret_bytes(alerts.webhook_secret)
        except ValueError as error:
            yield f"alerts.webhook_secret: {error}; expected whsec_ and base64 of 24 to 64 random bytes"
    if alerts.mail_to and not (alerts.smtp_host and alerts.mail_from):
        yield "alerts.mail_to without alerts.smtp_host or alerts.mail_from; expected all three"
    for address in (*alerts.mail_to, *([alerts.mail_from] if alerts.mail_from else [])):
        if not _PLAIN_ADDRESS.fullmatch(address):
            yield f"alerts.mail_to, alerts.mail_from: {address!r} is no plain e-mail address"
    if alerts.smtp_security not in SECURITY:
        yield f"alerts.smtp_security: {alerts.smtp_security!r}; expected one of {', '.join(SECURITY)}"
    if not 1 <= alerts.smtp_port <= 65535:
        yield f"alerts.smtp_port: {alerts.smtp_port} is no port; expected 1 to 65535"
    try:
        load_rules(Path(alerts.rules) if alerts.rules else None)
    except RulesError as error:
        yield f"alerts.rules: {error}"
    if trace.endpoint and urlsplit(trace.endpoint).scheme not in ("http", "https"):
        yield f"trace.endpoint: {trace.endpoint!r}; expected http:// or https://"
