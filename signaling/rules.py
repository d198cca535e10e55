"""The numbers by which calls are run: timeouts in seconds, bounds in counts. Given by the application's settings."""

import msgspec


class CallRules(msgspec.Struct, frozen=True):
    """All durations in seconds. The application fills the first five from its settings."""

    ring_timeout: float = 30.0
    """One round of ringing; then the next agents, or the queue again."""
    queue_timeout: float = 900.0
    ring_agents: int = 2
    resume_window: float = 60.0
    heartbeat: float = 5.0

    waiting_grace: float = 15.0
    """How long a waiting customer may be away; an unanswered call is not kept as long as one in progress."""
    created_timeout: float = 3600.0
    """A call the shop created and nobody joined is given up after this."""
    rering_pause: float = 8.0
    """An agent who declined or let it ring is not rung again for that call before this."""
    keep_ended: float = 600.0
    """How long an ended call stays with its session for the end screen and the rating."""
    leg_failures: int = 3
    leg_failure_window: float = 30.0
    """More failures of one side's legs than that in the window end the call `media_failed`."""
    open_retries: int = 6
    """Tries to open a leg while the media engine cannot (0.25 s, doubling), before `media_failed`."""

    max_sessions: int = 10_000
    max_waiting: int = 500
    max_created: int = 5_000
    max_chat: int = 500
    """Items a call."""
    max_stills: int = 100
    """Snapshots a call."""

    dtx: bool = False
    max_video_bps: int = 2_500_000
