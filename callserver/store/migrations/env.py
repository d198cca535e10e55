"""How alembic runs here: inside the server, on the connection and transaction it is given."""

from alembic import context

from callserver.store import quality_tables as quality_tables  # its tables belong to the metadata
from callserver.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transactional_ddl=False,  # the caller's transaction is the only one
)
context.run_migrations()
