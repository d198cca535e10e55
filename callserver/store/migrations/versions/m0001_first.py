"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "m0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_accounts()
    _create_calls()
    _create_rest()


def _create_accounts() -> None:
    op.create_table(
        "sites",
        sa.Column("site_id", sa.String(64), nullable=False),
        sa.Column("api_key_hash", sa.String(64), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("site_id", name="pk_sites"),
    )
    op.create_table(
        "agents",
        sa.Column("agent_id", sa.String(64), nullable=False),
        sa.Column("login", sa.String(200), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("agent_id", name="pk_agents"),
        sa.UniqueConstraint("login", name="uq_agents_login"),
    )
    op.create_table(
        "agent_statuses",
        sa.Column("agent_id", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("agent_id", name="pk_agent_statuses"),
    )
    op.create_table(
        "logins",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("agent_id", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_logins"),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.agent_id"], name="fk_logins_agent_id"),
    )
    op.create_index("ix_sites_api_key_hash", "sites", ["api_key_hash"])
    op.create_index("ix_logins_agent_id", "logins", ["agent_id"])
    op.create_index("ix_logins_expires_at", "logins", ["expires_at"])


def _create_calls() -> None:
    op.create_table(
        "calls",
        sa.Column("call_id", sa.String(64), nullable=False),
        sa.Column("site_id", sa.String(64), nullable=False),
        sa.Column("agent_id", sa.String(64), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("claimed_epoch", sa.Integer, nullable=False, server_default="-1"),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_calls"),
    )
    op.create_table(
        "call_events",
        sa.Column("call_id", sa.String(64), nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "sequence", name="pk_call_events"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_call_events_call_id"),
    )
    op.create_table(
        "claims",
        sa.Column("call_id", sa.String(64), nullable=False),
        sa.Column("agent_id", sa.String(64), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_claims"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_claims_call_id"),
        sa.UniqueConstraint("agent_id", name="uq_claims_agent_id"),
    )
    op.create_index("ix_calls_phase", "calls", ["phase"])
    op.create_index("ix_calls_created_at", "calls", ["created_at"])
    op.create_index("ix_calls_site_id_created_at", "calls", ["site_id", "created_at"])
    op.create_index("ix_calls_agent_id_created_at", "calls", ["agent_id", "created_at"])


def _create_rest() -> None:
    op.create_table(
        "chat_items",
        sa.Column("call_id", sa.String(64), nullable=False),
        sa.Column("sender", sa.String(16), nullable=False),
        sa.Column("item_id", sa.String(64), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "sender", "item_id", name="pk_chat_items"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_chat_items_call_id"),
    )
    op.create_table(
        "sessions",
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_sessions"),
    )
    op.create_table(
        "used_tickets",
        sa.Column("ticket_id", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_used_tickets"),
    )
    op.create_table(
        "photos",
        sa.Column("photo_id", sa.String(64), nullable=False),
        sa.Column("call_id", sa.String(64), nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("photo_id", name="pk_photos"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_photos_call_id"),
    )
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_heartbeats"),
    )
    op.create_index("ix_used_tickets_expires_at", "used_tickets", ["expires_at"])
    op.create_index("ix_photos_call_id", "photos", ["call_id"])


def downgrade() -> None:
    for name in ("heartbeats", "photos", "used_tickets", "sessions", "chat_items"):
        op.drop_table(name)
    for name in ("claims", "call_events", "calls", "logins", "agent_statuses", "agents", "sites"):
        op.drop_table(name)
