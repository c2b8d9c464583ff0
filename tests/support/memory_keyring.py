"""A key store that lives as long as its process."""

import keyring.backend
import keyring.errors


class Keyring(keyring.backend.KeyringBackend):
    """Keeps passwords in a dict."""

    priority = 5

    def __init__(self):
        super().__init__()
        self.kept = {}

    def get_password(self, service, username):
        """Return a password, or None."""
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        """Keep a password."""
        self.kept[service, username] = password

    def delete_password(self, service, username):
        """Delete a password, or refuse."""
        if (service, username) not in self.kept:
            raise keyring.errors.PasswordDeleteError
        del self.kept[service, username]
