"""Alembic's entry point; it runs within the transaction that `migrate` was given."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table="callgate_schema")
context.run_migrations()
