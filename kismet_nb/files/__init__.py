"""Tables to files, and files to tables."""
