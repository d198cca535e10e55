"""Messages about how well a call's media gets through, both ways; part of signaling.protocol."""

from typing import Literal

import msgspec

from signaling.values import Id, ShortText


class QualityReport(msgspec.Struct, frozen=True, tag="quality.report"):
    """What the page measured over the last interval (getStats), every 5 s, and sooner when something is wrong with
    a device or not any more. Numbers out of range are dropped."""

    leg_id: Id
    rtt_ms: float | None = None
    audio_loss: float | None = None
    video_loss: float | None = None
    jitter_ms: float | None = None
    fps_received: float | None = None
    freezes: int | None = None
    concealed: float | None = None
    kbps_sent: float | None = None
    kbps_received: float | None = None
    candidate: ShortText = ""
    limitation: ShortText = ""
    """Why the camera's picture is smaller than it could be: `cpu`, `bandwidth`, `other`."""
    at: float | None = None
    """The page's own clock (any zero, steady), seconds: the server learns the difference."""
    seconds: float | None = None
    """How long the interval was."""
    freeze_ms: float | None = None
    buffer_ms: float | None = None
    """How long voice waited to be played."""
    height: int | None = None
    """Of the picture shown, lines."""
    fps_sent: float | None = None
    height_sent: int | None = None
    level: float | None = None
    """Loudest the microphone was, 0 to 1; None while it is off."""
    black: bool | None = None
    """The camera's picture is black."""
    browser: ShortText = ""
    network: ShortText = ""
    silenced: float | None = None
    """Share of the voice played that was missing and became silence; `concealed` is without it."""
    stretched: float | None = None
    """Share of the voice played that was put in or taken out to play slower or faster."""


class QualityHint(msgspec.Struct, frozen=True, tag="quality.hint"):
    """Plain facts for the page to put into words: whose direction suffers."""

    seq: int
    level: Literal["good", "fair", "poor"]
    side: Literal["own_uplink", "own_downlink", "peer", ""] = ""
    kind: Literal["", "weak", "delay", "silent", "black", "cpu"] = ""
    """What the page can tell its user to do something about."""


class LegNarrow(msgspec.Struct, frozen=True, tag="leg.narrow"):
    """The page's own way out carries the voice only: its picture waits (`paused`), or is sent again."""

    leg_id: Id
    paused: bool


class MediaLimited(msgspec.Struct, frozen=True, tag="media.limited"):
    """A connection is too weak for pictures (`paused`), or not any more (empty). `own`: this side sees nothing now,
    `peer`: the other side does not see this one. The voice goes on. CallView says the same."""

    seq: int
    side: Literal["own", "peer"]
    video: Literal["paused", ""]


class MediaWish(msgspec.Struct, frozen=True, tag="media.wish"):
    """Please send the voice with at most this many bits per second, because the far side's connection is narrow;
    0: as you like. CallView says the same."""

    seq: int
    audio_bps: int
    video_bps: int = 0
    """The same for pictures: what the weakest of those who watch can carry, and what comes through from you."""
    video_layers: bool = True
    """Send pictures in temporal layers; false where packets are lost by chance, so that each can be asked for again."""
    playout_ms: int = 0
    """Please hold what you play for so long, so that what is lost on the way to you is repaired in time."""
    uplink_full: bool = False
    """What you send stands in a queue on its way to us: send less, the voice before pictures."""
    uplink_lossy: bool = False
    """Some of what you send is lost by chance: that is no reason to send less."""
