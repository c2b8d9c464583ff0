"""A local copy of organizations that is kept up to date: versions as plain Parquet, with history."""
