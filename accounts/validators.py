"""What Django asks about a new password."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.domain.passwords import is_only_context, least_length
from accounts.models import Passkey, SecondFactor, User
from medical_audit.tenancy import platform_scope


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
    """Not made of the words that everybody here would try first."""

    def validate(self, password: str, user: User | None = None) -> None:
        if is_only_context(password):
            raise ValidationError(self.get_help_text(), code="password_of_context_words")

    def get_help_text(self) -> str:
        return _("Use other words than those of this house and of computers.")


def _has_factor(user: User) -> bool:
    with platform_scope(user_id=user.id):
        return any(table.objects.filter(user_id=user.id).exists() for table in (SecondFactor, Passkey))
