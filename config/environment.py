"""Variables of the environment, each of which may be a file instead: NAME_FILE names one that holds what NAME would."""

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping


class Variables(FileAwareMapping):
    """A secret in a file stands in no list of processes, no unit and no crash report; a key service writes files."""

    def __getitem__(self, name: str) -> str:
        """Without the end of the line that editors put there. Raises ImproperlyConfigured, KeyError."""
        try:
            return str(super().__getitem__(name)).rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            file = self.env.get(f"{name}_FILE")
            raise ImproperlyConfigured(
                f"{name}_FILE names {file}, which cannot be read: {error}. Let this process's user read it, or unset it."
            ) from error


class Environment(environ.Env):
    """django-environ's, reading `Variables`."""

    ENVIRON = Variables()
