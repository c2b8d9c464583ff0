"""A keyring in memory."""

import keyring.backend
import keyring.errors


class Keyring(keyring.backend.KeyringBackend):
    """A keyring backend that keeps passwords in a dictionary."""

    priority = 5

    def __init__(self):
        super().__init__()
        self.kept = {}

    def get_password(self, service, username):
        """Return a password, or None."""
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        """Save a password."""
        self.kept[service, username] = password

    def delete_password(self, service, username):
        """Delete a password, or raise if there is none."""
        if (service, username) not in self.kept:
            raise keyring.errors.PasswordDeleteError
        del self.kept[service, username]
