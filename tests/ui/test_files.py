"""Templates and assets keep the promises that a strict CSP and an offline hospital network rest on."""

import re
from pathlib import Path

import pytest
from django.template.loader import get_template

from config import translations, vendor
from config.words.states import STATE_FAMILIES

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
NAMES = [str(path.relative_to(ROOT / "templates")) for path in TEMPLATES]
SPRITE = (ROOT / "static/toban/icons.svg").read_text(encoding="utf-8")
STYLES = (ROOT / "static/toban/toban.css").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_every_template_compiles(name: str) -> None:
    get_template(name)


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_no_template_has_anything_inline(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|javascript:|<style|hx-on|hx-vals=.js:", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_no_template_loads_anything_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "http://" not in text
    assert "https://" not in text


def test_styles_load_nothing_from_elsewhere() -> None:
    assert "url(" not in STYLES
    assert "@import" not in STYLES


def test_every_state_has_its_icon_and_its_colour() -> None:
    looks = {state.look for family in STATE_FAMILIES.values() for state in family.values()}
    assert [look for look in looks if f'<symbol id="state-{look}"' not in SPRITE] == []
    assert [look for look in looks if f".state-{look} " not in STYLES] == []


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    named = {
        name
        for path in TEMPLATES
        for name in re.findall(r'{% icon "([^"]+)"', path.read_text(encoding="utf-8"))
    }
    assert [name for name in named if f'<symbol id="{name}"' not in SPRITE] == []


def test_vendored_files_are_those_of_the_lock() -> None:
    vendor.check()


def test_vendored_files_refer_to_no_source_map() -> None:
    kept = [path for path in vendor.VENDOR.rglob("*") if path.suffix in {".js", ".css"}]
    assert kept
    assert [path.name for path in kept if "sourceMappingURL" in path.read_text(encoding="utf-8")] == []


def test_japanese_is_complete() -> None:
    assert translations.main(["--check"]) == 0
