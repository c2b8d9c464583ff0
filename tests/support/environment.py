"""The environment variables of this package."""


def set_environment(monkeypatch, **values):
    """Set variables: ``client_id="…"`` sets ``KISMET_CLIENT_ID``."""
    for name, value in values.items():
        monkeypatch.setenv(f"KISMET_{name.upper()}", value)
