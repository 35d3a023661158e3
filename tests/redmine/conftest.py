"""A Redmine for each test: the fake one, or with `./toban test --redmine` the real one for all that both can do."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from redminelib import Redmine

from config.simulator.redmine import KEY, SimulatedRedmine
from redmine_sync.redmine import Engine
from tests.factories import Cast
from tests.redmine.fake import Running
from tests.redmine.origin import Origin
from tests.redmine.shop import Place, Shop
from tests.redmine.yard import Yard

REAL = "TOBAN_TEST_REDMINE"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With the real Redmine only what meets it is run: the rest says the same as without it."""
    if not os.environ.get(REAL):
        return
    here = Path(__file__).parent
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        meets = "there" in getattr(item, "fixturenames", ()) or item.path.name.startswith("test_real_")
        (kept if meets or here not in item.path.parents else left).append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = kept


class People(Protocol):
    """What people do in Redmine, and what stands there afterwards."""

    def move(self, issue: int, status: int, notes: str = "") -> None: ...
    def note(self, issue: int, notes: str) -> None: ...
    def delete(self, issue: int) -> None: ...
    def look(self, issue: int) -> dict[str, Any]: ...


class FakePeople:
    def __init__(self, fake: SimulatedRedmine) -> None:
        self.fake = fake

    def move(self, issue: int, status: int, notes: str = "") -> None:
        self._later()
        self.fake.move(issue, status, notes)

    def note(self, issue: int, notes: str) -> None:
        self._later()
        self.fake.note(issue, notes)

    def _later(self) -> None:
        """No person acts within the second in which Toban has just looked, two minutes later by its own clock."""
        self.fake.now = (self.fake.now or datetime.now(UTC)) + timedelta(seconds=2)

    def delete(self, issue: int) -> None:
        self.fake.delete(issue)

    def look(self, issue: int) -> dict[str, Any]:
        row = self.fake.issues[issue]
        return {
            "subject": row["subject"], "description": row["description"], "status": row["status_id"],
            "notes": [one["notes"] for one in row["journals"]],
        }  # fmt: skip


class RealPeople:
    def __init__(self, info: dict[str, Any]) -> None:
        self.human = Redmine(info["url"], key=info["human_key"], engine=Engine)
        self.admin = Redmine(info["url"], key=info["key"], engine=Engine)

    def move(self, issue: int, status: int, notes: str = "") -> None:
        self._later()
        self.human.issue.update(issue, status_id=status, notes=notes)

    def note(self, issue: int, notes: str) -> None:
        self._later()
        self.human.issue.update(issue, notes=notes)

    @staticmethod
    def _later() -> None:
        """Wait for the next second of Redmine's clock, for the same reason."""
        time.sleep(1.05 - time.time() % 1)

    def delete(self, issue: int) -> None:
        self.admin.issue.delete(issue)

    def look(self, issue: int) -> dict[str, Any]:
        row = self.admin.issue.get(issue, include=["journals"])
        return {
            "subject": row.subject, "description": row.description, "status": row.status.id,
            "notes": [getattr(one, "notes", "") or "" for one in row.journals],
        }  # fmt: skip


@pytest.fixture
def fake() -> Iterator[SimulatedRedmine]:
    """The fake Redmine, for what the real one cannot be made to do."""
    one = SimulatedRedmine()
    running = Running(one)
    yield one
    running.close()


@pytest.fixture
def there(request: pytest.FixtureRequest) -> tuple[Place, People]:
    """Where tickets go, and the people there."""
    if text := os.environ.get(REAL):
        info = json.loads(text)
        place = Place(
            info["url"],
            info["key"],
            info["closed_status"],
            info["open_status"],
            info["project"],
            info["tracker"],
        )
        return place, RealPeople(info)
    one: SimulatedRedmine = request.getfixturevalue("fake")
    return Place(one.url, KEY), FakePeople(one)


@pytest.fixture
def place(there: tuple[Place, People]) -> Place:
    return there[0]


@pytest.fixture
def people(there: tuple[Place, People]) -> People:
    return there[1]


@pytest.fixture
def shop(cast: Cast, place: Place) -> Shop:
    """A tenant that may connect, and has not yet."""
    return Shop(cast, place)


@pytest.fixture
def open_shop(shop: Shop) -> Shop:
    """Connected, with a rule for everything."""
    shop.connect()
    shop.rule()
    return shop


@pytest.fixture
def fake_shop(cast: Cast, fake: SimulatedRedmine) -> Shop:
    """Connected to the fake, whatever the others are connected to."""
    one = Shop(cast, Place(fake.url, KEY))
    one.connect()
    one.rule()
    return one


@pytest.fixture
def yard(fake_shop: Shop, fake: SimulatedRedmine, tmp_path: Path, settings: Any) -> Yard:
    """A repository with one commit, not registered yet, and the fake Redmine that reads it."""
    settings.MIRRORS = settings.MIRRORS_IN_REDMINE = str(tmp_path / "mirrors")
    origin = Origin(tmp_path)
    origin.push("first")
    return Yard(fake_shop, origin, fake)
