"""The invented organization, which answers the documented API on this machine."""
