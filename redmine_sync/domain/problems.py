"""What can go wrong at a Redmine server: named errors, each with what it means for the entry and for the server."""

from __future__ import annotations

from redmine_sync.domain.writing import printable


class RedmineError(Exception):
    """`code` for words; `detail` for a person. A subclass says what follows from it."""

    code = "redmine_error"
    #: Whether the change may have happened although no answer says so.
    in_doubt = False
    #: The server as a whole is unwell or unwilling: others would fail likewise, so the breaker counts it.
    of_server = False
    #: Trying again later may help without anybody doing anything.
    passes = False

    def __init__(self, detail: str = "", *, code: str = "") -> None:
        self.code = code or type(self).code
        self.detail = printable(detail[:300])
        super().__init__(f"{self.code}: {detail}" if detail else self.code)


class Unreachable(RedmineError):
    """No connection: nothing was sent."""

    code = "redmine_unreachable"
    of_server = passes = True


class NoAnswer(RedmineError):
    """Sent, and no answer came: only looking settles it."""

    code = "redmine_no_answer"
    in_doubt = of_server = passes = True


class Busy(RedmineError):
    """429, 502, 503, 504: overloaded, or in maintenance. A proxy may have lost the answer of a change that was made."""

    code = "redmine_busy"
    in_doubt = of_server = passes = True


class Broken(RedmineError):
    """500: a defect of the server at this very request."""

    code = "redmine_broken"
    in_doubt = passes = True


class Unforeseen(RedmineError):
    """Its answer made us fail in a way that nobody thought of: this entry's trouble, and no other's."""

    code = "redmine_unforeseen"
    in_doubt = passes = True


class KeyRefused(RedmineError):
    """401: the API key is wrong or its user is locked."""

    code = "redmine_key_refused"
    of_server = True


class NotRedmine(RedmineError):
    """A redirect, a sign-in page, something that is not Redmine's JSON, or more than we are willing to read."""

    code = "redmine_not_redmine"
    of_server = True


class FilterBroken(RedmineError):
    """The server gives issues that do not carry the key that was asked for: looking proves nothing there."""

    code = "redmine_filter_broken"
    of_server = True


class Forbidden(RedmineError):
    """403: the project is closed or archived, or the role of Toban's user does not allow it."""

    code = "redmine_forbidden"


class Missing(RedmineError):
    """404: no such issue or project any more."""

    code = "redmine_missing"


class KeyGone(RedmineError):
    """The issue is there and its field for the key is empty: moved to a project without the field, or changed by a person."""

    code = "redmine_key_gone"


class Invalid(RedmineError):
    """422: Redmine refuses the content."""

    code = "redmine_invalid"


class KeyNotKept(RedmineError):
    """An issue was made, but its field does not hold the key: it would never be found again."""

    code = "redmine_key_not_kept"


class ServiceKeyRefused(RedmineError):
    """403 of Redmine's service for repositories: its key is wrong, or the service is switched off."""

    code = "redmine_service_key_refused"


class ReadNothing(RedmineError):
    """Redmine answered that it read the repository, and does not know the commits all the same."""

    code = "redmine_read_nothing"


class OtherRepository(RedmineError):
    """The project has another repository in first place; ours must be added there by hand."""

    code = "redmine_other_repository"


class NotServed(RedmineError):
    """The project has no repositories switched on, or is closed."""

    code = "redmine_no_repositories"
