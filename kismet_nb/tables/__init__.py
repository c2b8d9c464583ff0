"""Typed tables from records, and their provenance."""
