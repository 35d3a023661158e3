"""The words that codes are shown with: one table per set of codes, English here and Japanese in locale/ja.

Domain code and the ledger keep codes and parameters, never sentences, so that an old record can be read in either
language. Every table maps a code to a lazy text; sentences take named %(parameters)s. A code that stands in no table
is shown as it is, because hiding what happened would be worse than showing a code.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise


class _Params(dict[str, Any]):
    """Parameters of a sentence; one that was not recorded shows as a dash instead of breaking the page."""

    def __missing__(self, key: str) -> str:
        return "—"


def sentence(table: Mapping[str, Promise | str], code: str, params: Mapping[str, Any]) -> str:
    """Return the text of `code` with its parameters put in; an unknown code comes back as itself."""
    template = table.get(code)
    return str(code) if template is None else str(template) % _Params(params)
