"""Seconds, minutes and verdicts of quality."""

import sqlalchemy as sa
from alembic import op

revision = "m0003"
down_revision = "m0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quality_samples",
        sa.Column("call_id", sa.String(64), nullable=False),
        sa.Column("leg_id", sa.String(64), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("seconds", sa.Integer, nullable=False),
        sa.Column("browser", sa.String(32), nullable=False),
        sa.Column("network", sa.String(16), nullable=False),
        sa.Column("transport", sa.String(8), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "leg_id", "at", name="pk_quality_samples"),
    )
    op.create_table(
        "quality_minutes",
        sa.Column("call_id", sa.String(64), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        *(sa.Column(name, sa.Double, nullable=True) for name in ("audio", "video", "connection", "loss", "rtt_ms")),
        sa.Column("browser", sa.String(32), nullable=False),
        sa.Column("network", sa.String(16), nullable=False),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("agent_id", sa.String(64), nullable=False),
        sa.Column("site_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("call_id", "at", "role", name="pk_quality_minutes"),
    )
    op.create_table(
        "quality_verdicts",
        sa.Column("call_id", sa.String(64), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("side", sa.String(16), nullable=False),
        sa.Column("direction", sa.String(8), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("severity", sa.String(8), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "at", "side", "direction", "kind", name="pk_quality_verdicts"),
    )
    for table in ("quality_samples", "quality_minutes", "quality_verdicts"):
        op.create_index(f"ix_{table}_at", table, ["at"])


def downgrade() -> None:
    for table in ("quality_verdicts", "quality_minutes", "quality_samples"):
        op.drop_table(table)
