"""A person keeps a question to the ledger under a name, and lets it go."""

from datetime import datetime
from uuid import UUID

from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.models import SavedSearch

NAME_MAX, QUERY_MAX, MOST = 80, 1500, 30


def save(name: str, query: str, *, actor: Actor, now: datetime) -> SavedSearch:
    """Keep it; one of the same name gives way. Raises NotPermitted; Refused: bad_name, nothing_asked, too_many_searches."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    clean = " ".join(name.split())
    if not clean or len(clean) > NAME_MAX:
        raise Refused("bad_name", name=clean[:NAME_MAX])
    if not query or len(query) > QUERY_MAX:
        raise Refused("nothing_asked")
    mine = SavedSearch.objects.filter(person_id=actor.id)
    if mine.exclude(name=clean).count() >= MOST:
        raise Refused("too_many_searches", number=MOST)
    kept, _made = SavedSearch.objects.update_or_create(
        tenant_id=actor.tenant_id, person_id=actor.id, name=clean, defaults={"query": query, "saved_at": now}
    )
    found: SavedSearch = kept
    return found


def forget(search_id: UUID, *, actor: Actor) -> None:
    """Let one of one's own go. Raises NotFound, also for another person's; NotPermitted."""
    found = SavedSearch.objects.filter(id=search_id, person_id=actor.id)
    if not found.exists():
        raise NotFound(type="saved_search", id=str(search_id))
    actor.require(LEDGER_VIEW, actor.tenant_id)
    found.delete()
