"""Whose credentials, and where they may travel."""
