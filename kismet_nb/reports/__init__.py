"""A notebook as one page."""
