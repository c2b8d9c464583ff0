"""Credentials: where they are found, and which address they are sent to."""
