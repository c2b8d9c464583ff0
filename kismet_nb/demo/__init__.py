"""The demo organization, an invented clinic that answers the documented API on this machine."""
