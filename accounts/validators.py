"""What Django asks about a new password."""

import structlog
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts import breached
from accounts.domain.passwords import is_made_of_common, is_only_context, least_length, words_of
from accounts.models import Membership, Passkey, SecondFactor, Tenant, User
from medical_audit.tenancy import platform_scope

log = structlog.get_logger(__name__)
#: Nobody can say whether it was breached; no password is set meanwhile.
UNREADABLE = "breached_list_unreadable"


class LengthValidator:
    """As long as `accounts.domain.passwords` asks of this person."""

    def validate(self, password: str, user: User | None = None) -> None:
        least = least_length(second_factor=user is not None and _has_factor(user))
        if len(password) < least:
            raise ValidationError(self._said(least), code="password_too_short")

    def get_help_text(self) -> str:
        return self._said(least_length(second_factor=False))

    @staticmethod
    def _said(least: int) -> str:
        return _("Use at least %(least)s characters.") % {"least": least}


class ContextWordsValidator:
    """Not made of the words that everybody here would try first: those of the trade, of the tenants, of the person's names."""

    def validate(self, password: str, user: User | None = None) -> None:
        if is_only_context(password, _words_around(user) if user is not None else ()):
            raise ValidationError(self.get_help_text(), code="password_of_context_words")

    def get_help_text(self) -> str:
        return _("Use other words than those of this house, of your name and of computers.")


class BreachedValidator:
    """In no list of passwords that breaches made public, nor one of them with a little around it. Fails closed."""

    def validate(self, password: str, user: User | None = None) -> None:
        try:
            known = is_made_of_common(password, breached.is_common) or breached.is_breached(password)
        except breached.Unreadable as problem:
            log.error("breached_passwords_unreadable", problem=str(problem))
            said = _(
                "The list of breached passwords cannot be read, so no password can be set now. Tell who runs Toban."
            )
            raise ValidationError(said, code=UNREADABLE) from problem
        if known:
            raise ValidationError(self.get_help_text(), code="password_breached")

    def get_help_text(self) -> str:
        return _(
            "Use none that is known from breaches of other systems, and not such a one with a few characters more."
        )


def _has_factor(user: User) -> bool:
    with platform_scope(user_id=user.id):
        return any(table.objects.filter(user_id=user.id).exists() for table in (SecondFactor, Passkey))


def _words_around(user: User) -> list[str]:
    """The names of the person and of the tenants that he belongs to."""
    with platform_scope(user_id=user.id):
        ids = Membership.own.filter(user_id=user.id).values_list("tenant_id", flat=True)
        tenants = list(Tenant.objects.filter(id__in=list(ids)).values_list("slug", "name"))
    return words_of(user.username, user.name, *(name for tenant in tenants for name in tenant))
