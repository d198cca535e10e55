"""The language of link descriptions: `loss=30,delay=50` or `rate=2M,delay=50;@20 rate=300k;@40 rate=2M`.

A description is phases split by `;`. The first starts at 0, each other begins with `@SECONDS`. A phase is settings
split by `,`; what it does not name stays as it was. Settings:

    loss=P         per cent of packets lost, independently
    burst=N        mean length of a loss burst, in packets (Gilbert-Elliott; with loss=P overall)
    delay=MS       one-way propagation delay
    jitter=MS      standard deviation of added delay, order kept
    reorder=P      per cent of packets that jitter may bring out of order
    rate=R         link rate in bit/s, with k or M; 0: unlimited
    queue=B        drop-tail queue in bytes, with k; or in ms of the rate, with ms
    udp=on|off     off: UDP is dropped, TCP passes
    down=on|off    on: nothing passes
    address=N      where the customer's packets come from: another number is another network
"""

import re

import msgspec


class SpecError(ValueError):
    """A link description that cannot be read; the text says which part and what was expected."""


class LinkState(msgspec.Struct, frozen=True):
    """A link at one time. Fractions 0..1, seconds, bits per second, bytes."""

    loss: float = 0.0
    burst: float = 1.0
    delay: float = 0.0
    jitter: float = 0.0
    reorder: float = 0.0
    rate_bps: float = 0.0
    queue_bytes: int = 64_000
    queue_seconds: float = 0.0
    udp: bool = True
    down: bool = False
    address: int = 0


class Phase(msgspec.Struct, frozen=True):
    at: float
    state: LinkState


MAX_PHASES = 1_000
MAX_ADDRESS = 9
_OTHERS = ("queue", "udp", "down", "address")
_NUMBER = re.compile(r"^(\d{1,9}(?:\.\d{1,6})?)(k|M|ms)?$")
_SCALE = {None: 1.0, "k": 1e3, "M": 1e6}
_SWITCH = {"on": True, "off": False}
_RANGES = {  # name: (field, divisor, lowest, highest)
    "loss": ("loss", 100.0, 0.0, 100.0),
    "burst": ("burst", 1.0, 1.0, 1_000.0),
    "delay": ("delay", 1000.0, 0.0, 60_000.0),
    "jitter": ("jitter", 1000.0, 0.0, 10_000.0),
    "reorder": ("reorder", 100.0, 0.0, 100.0),
    "rate": ("rate_bps", 1.0, 0.0, 1e10),
}


def parse_spec(text: str) -> tuple[Phase, ...]:
    """Read a link description; raise SpecError. The empty string is a perfect link."""
    phases: list[Phase] = []
    state = LinkState()
    parts = text.split(";")
    if len(parts) > MAX_PHASES:
        raise SpecError(f"more than {MAX_PHASES} phases")
    for index, part in enumerate(parts):
        at, settings = _split_time(part.strip(), index)
        if phases and at <= phases[-1].at:
            raise SpecError(f"phase '{part.strip()}' does not start after the one before it")
        for setting in filter(None, (item.strip() for item in settings.split(","))):
            state = _apply(state, setting)
        phases.append(Phase(at, state))
    return tuple(phases)


def _split_time(part: str, index: int) -> tuple[float, str]:
    if not part.startswith("@"):
        if index:
            raise SpecError(f"phase '{part}' must begin with @SECONDS")
        return 0.0, part
    head, _, rest = part[1:].partition(" ")
    value, unit = _number(head, part)
    if unit is not None:
        raise SpecError(f"'@{head}': seconds without a unit")
    return value, rest


def _number(text: str, where: str) -> tuple[float, str | None]:
    match = _NUMBER.match(text)
    if match is None:
        raise SpecError(f"'{where}': '{text}' is not a number such as 30, 2.5, 300k or 2M")
    return float(match[1]), match[2]


def _apply(state: LinkState, setting: str) -> LinkState:
    name, equals, text = setting.partition("=")
    if not equals:
        raise SpecError(f"'{setting}': expected name=value")
    if name in ("udp", "down"):
        if text not in _SWITCH:
            raise SpecError(f"'{setting}': expected on or off")
        return msgspec.structs.replace(state, **{name: _SWITCH[text]})
    value, unit = _number(text, setting)
    if name == "address":
        if unit is not None or value not in range(MAX_ADDRESS + 1):
            raise SpecError(f"'{setting}': must be a whole number, 0 to {MAX_ADDRESS}")
        return msgspec.structs.replace(state, address=int(value))
    if name == "queue":
        if unit == "ms":
            return msgspec.structs.replace(state, queue_seconds=value / 1000.0)
        return msgspec.structs.replace(state, queue_bytes=int(value * _SCALE[unit]), queue_seconds=0.0)
    if name not in _RANGES:
        raise SpecError(f"'{setting}': unknown setting; known are {', '.join((*_RANGES, *_OTHERS))}")
    field, divisor, lowest, highest = _RANGES[name]
    if unit == "ms" and name not in ("delay", "jitter"):
        raise SpecError(f"'{setting}': ms does not fit here")
    value *= 1.0 if unit == "ms" else _SCALE[unit]
    if not lowest <= value <= highest:
        raise SpecError(f"'{setting}': must be between {lowest:g} and {highest:g}")
    return msgspec.structs.replace(state, **{field: value / divisor})
