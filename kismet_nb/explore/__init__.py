"""Questions to one or two tables."""
