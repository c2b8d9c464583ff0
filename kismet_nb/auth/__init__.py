"""Find credentials, and send them to one address only."""
