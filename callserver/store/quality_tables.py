"""The tables of quality: many small rows, looked up by call or by time. Times are wall-clock seconds since 1970 (UTC).

No foreign key to calls: a sample may be written before its call's row, and outlives nothing by more than its own age.
"""

import sqlalchemy as sa

from callserver.store.tables import metadata

quality_samples = sa.Table(
    "quality_samples",
    metadata,
    sa.Column("call_id", sa.String(64), primary_key=True),
    sa.Column("leg_id", sa.String(64), primary_key=True),
    sa.Column("at", sa.Double, primary_key=True, index=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("seconds", sa.Integer, nullable=False),
    sa.Column("browser", sa.String(32), nullable=False),
    sa.Column("network", sa.String(16), nullable=False),
    sa.Column("transport", sa.String(8), nullable=False),
    # MessagePack of callserver.quality.store.SampleData.
    sa.Column("data", sa.LargeBinary, nullable=False),
)

quality_minutes = sa.Table(
    "quality_minutes",
    metadata,
    sa.Column("call_id", sa.String(64), primary_key=True),
    sa.Column("at", sa.Double, primary_key=True, index=True),
    sa.Column("role", sa.String(16), primary_key=True),
    sa.Column("audio", sa.Double),
    sa.Column("video", sa.Double),
    sa.Column("connection", sa.Double),
    sa.Column("loss", sa.Double),
    sa.Column("rtt_ms", sa.Double),
    sa.Column("browser", sa.String(32), nullable=False),
    sa.Column("network", sa.String(16), nullable=False),
    sa.Column("country", sa.String(2), nullable=False),
    sa.Column("agent_id", sa.String(64), nullable=False),
    sa.Column("site_id", sa.String(64), nullable=False),
)

quality_verdicts = sa.Table(
    "quality_verdicts",
    metadata,
    sa.Column("call_id", sa.String(64), primary_key=True),
    sa.Column("at", sa.Double, primary_key=True, index=True),
    sa.Column("side", sa.String(16), primary_key=True),
    sa.Column("direction", sa.String(8), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("severity", sa.String(8), nullable=False),
    sa.Column("data", sa.Text, nullable=False),
)
