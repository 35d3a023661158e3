"""How a state looks on a badge or in a table."""

from typing import NamedTuple

from django.utils.functional import Promise


class State(NamedTuple):
    """How a state looks: `look` names the icon (`state-<look>` in the sprite) and the colour (`.state-<look>`)."""

    look: str
    word: Promise | str
