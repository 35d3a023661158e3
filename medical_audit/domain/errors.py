"""Named refusals of this floor; `config.errors` turns each into one HTTP answer for pages and API."""


class DomainError(Exception):
    """A refusal with a stable code; `params` fill the sentence that the edge shows."""

    code = "refused"

    def __init__(self, code: str | None = None, /, **params: object) -> None:
        self.code = code or type(self).code
        self.params = params
        super().__init__(f"{self.code} {params}" if params else self.code)


class NotPermitted(DomainError):
    code = "not_permitted"


class NotFound(DomainError):
    """No such thing, or another tenant's: the two are told apart nowhere."""

    code = "not_found"


class AlreadyMoved(DomainError):
    """Somebody else was first, or the state does not allow the move."""

    code = "already_moved"


class StaleContent(DomainError):
    """What the person saw is not what would be executed."""

    code = "stale_content"


class TokenReused(DomainError):
    """The same form or Idempotency-Key came again with other content; what came first stands."""

    code = "token_reused"


class NotReauthenticated(DomainError):
    code = "not_reauthenticated"


class Refused(DomainError):
    """The content itself is refused; nothing was entered."""


class LeaseLost(DomainError):
    """This worker no longer owns the lane; it must not call and must not write."""

    code = "lease_lost"
