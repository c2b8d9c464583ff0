"""A local copy of organizations: versions of their tables as Parquet files, with history, updated by ``sync``."""
