"""The tables. Facts that are looked up have columns; the rest of a value is its JSON in `state`, so that a new field of
a struct needs no migration. Times are wall-clock seconds since 1970 (UTC)."""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

sites = sa.Table(
    "sites",
    metadata,
    sa.Column("site_id", sa.String(64), primary_key=True),
    sa.Column("api_key_hash", sa.String(64), nullable=False, index=True),
    sa.Column("state", sa.Text, nullable=False),
)

agents = sa.Table(
    "agents",
    metadata,
    sa.Column("agent_id", sa.String(64), primary_key=True),
    sa.Column("login", sa.String(200), nullable=False, unique=True),
    sa.Column("state", sa.Text, nullable=False),
)

agent_statuses = sa.Table(
    "agent_statuses",
    metadata,
    sa.Column("agent_id", sa.String(64), primary_key=True),
    sa.Column("status", sa.String(16), nullable=False),
)

logins = sa.Table(
    "logins",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("agent_id", sa.String(64), sa.ForeignKey("agents.agent_id"), nullable=False, index=True),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
)

calls = sa.Table(
    "calls",
    metadata,
    sa.Column("call_id", sa.String(64), primary_key=True),
    sa.Column("site_id", sa.String(64), nullable=False),
    sa.Column("agent_id", sa.String(64), nullable=False),
    sa.Column("phase", sa.String(16), nullable=False, index=True),
    sa.Column("created_at", sa.Double, nullable=False, index=True),
    sa.Column("epoch", sa.Integer, nullable=False),
    # Highest epoch that ever claimed the call: a claim must be newer, so a late one cannot win.
    sa.Column("claimed_epoch", sa.Integer, nullable=False, server_default="-1"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Index("ix_calls_site_id_created_at", "site_id", "created_at"),
    sa.Index("ix_calls_agent_id_created_at", "agent_id", "created_at"),
)

call_events = sa.Table(
    "call_events",
    metadata,
    sa.Column("call_id", sa.String(64), sa.ForeignKey("calls.call_id"), primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("data", sa.Text, nullable=False),
)

chat_items = sa.Table(
    "chat_items",
    metadata,
    sa.Column("call_id", sa.String(64), sa.ForeignKey("calls.call_id"), primary_key=True),
    # A client chooses the ids of its lines: they are unique a sender, not a call.
    sa.Column("sender", sa.String(16), primary_key=True),
    sa.Column("item_id", sa.String(64), primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("session_id", sa.String(64), primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
)

claims = sa.Table(
    "claims",
    metadata,
    sa.Column("call_id", sa.String(64), sa.ForeignKey("calls.call_id"), primary_key=True),
    # One active call an agent, whoever asks: the rule that two nodes cannot break together.
    sa.Column("agent_id", sa.String(64), nullable=False, unique=True),
    sa.Column("epoch", sa.Integer, nullable=False),
)

used_tickets = sa.Table(
    "used_tickets",
    metadata,
    sa.Column("ticket_id", sa.String(64), primary_key=True),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
)

photos = sa.Table(
    "photos",
    metadata,
    sa.Column("photo_id", sa.String(64), primary_key=True),
    sa.Column("call_id", sa.String(64), sa.ForeignKey("calls.call_id"), nullable=False, index=True),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

heartbeats = sa.Table(
    "heartbeats",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
)

recordings = sa.Table(
    "recordings",
    metadata,
    sa.Column("recording_id", sa.String(64), primary_key=True),
    sa.Column("call_id", sa.String(64), sa.ForeignKey("calls.call_id"), nullable=False, index=True),
    sa.Column("site_id", sa.String(64), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("due_at", sa.Double, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    # The wrapped key is not here: it lies beside the files alone, so that destroying it destroys the recording.
    sa.Column("state", sa.Text, nullable=False),
    sa.Index("ix_recordings_status_due_at", "status", "due_at"),
)

stills = sa.Table(
    "stills",
    metadata,
    sa.Column("call_id", sa.String(64), sa.ForeignKey("calls.call_id"), primary_key=True),
    # Chosen by the agent's page: unique a call.
    sa.Column("still_id", sa.String(64), primary_key=True),
    sa.Column("photo_id", sa.String(64), nullable=False),
    sa.Column("asked_at", sa.Double, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
)
