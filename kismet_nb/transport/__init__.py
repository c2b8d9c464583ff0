"""One request: sent, judged, retried."""
