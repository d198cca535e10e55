"""Recordings, stills and evidence."""

import sqlalchemy as sa
from alembic import op

revision = "m0002"
down_revision = "m0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recordings",
        sa.Column("recording_id", sa.String(64), nullable=False),
        sa.Column("call_id", sa.String(64), nullable=False),
        sa.Column("site_id", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("recording_id", name="pk_recordings"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_recordings_call_id"),
    )
    op.create_index("ix_recordings_call_id", "recordings", ["call_id"])
    op.create_index("ix_recordings_status_due_at", "recordings", ["status", "due_at"])
    op.create_table(
        "stills",
        sa.Column("call_id", sa.String(64), nullable=False),
        sa.Column("still_id", sa.String(64), nullable=False),
        sa.Column("photo_id", sa.String(64), nullable=False),
        sa.Column("asked_at", sa.Double, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "still_id", name="pk_stills"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_stills_call_id"),
    )


def downgrade() -> None:
    for name in ("stills", "recordings"):
        op.drop_table(name)
