"""What is said of a field of the API in REST framework's own words, as far as it has no Japanese for them: the catalogue of this
project comes before its own, and finds them there."""

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

REST_FRAMEWORKS: Final[tuple[Promise | str, ...]] = (
    _("Must be a valid boolean."),
    _("Not a valid string."),
    _("Must be a valid UUID."),
    _("Ensure this field has at least {min_length} elements."),
    _("Ensure this field has no more than {max_length} elements."),
    _("This dictionary may not be empty."),
    _("Datetime value out of range."),
    _('Invalid datetime for the timezone "{timezone}".'),
    _("Surrogate characters are not allowed: U+{code_point:X}."),
    _("Integer value too large to convert to float"),
)
