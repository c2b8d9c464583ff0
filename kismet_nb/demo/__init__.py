"""The demo organization: an invented clinic with a server on this machine that answers the documented API."""
