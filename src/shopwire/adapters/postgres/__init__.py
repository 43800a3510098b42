"""PostgreSQL: the log, the write path's storage, migrations, the embedded server."""
