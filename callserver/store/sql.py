"""What every table is written with: JSON of structs, insert-or-update in the words both databases know."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")


def insert(connection: AsyncConnection, table: sa.Table) -> "sqlite.Insert | postgresql.Insert":
    """Both know ON CONFLICT, in the same words; SQLAlchemy keeps them apart."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


async def upsert(
    connection: AsyncConnection, table: sa.Table, rows: Sequence[Mapping[str, Any]], newer: str | None = None
) -> None:
    """Insert rows or overwrite those with the same key; with `newer`, not where that column is higher already."""
    if not rows:
        return
    statement = insert(connection, table)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    allowed = table.c[newer] <= statement.excluded[newer] if newer else None
    await connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=changed, where=allowed), list(rows)
    )


def to_text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def from_text(text: str, kind: type[T]) -> T:
    return msgspec.json.decode(text, type=kind)


def all_of(texts: Iterable[str], kind: type[T]) -> list[T]:
    decoder = msgspec.json.Decoder(kind)
    return [decoder.decode(text) for text in texts]
