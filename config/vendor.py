"""Fetch the few files of others that Toban keeps in its own repository, and prove that they are unchanged.

Hospital networks are closed, so every asset is served from `static/`. A maintainer runs `python config/vendor.py`
(needs npm) after changing PACKAGES or ICONS; users, tests and CI never need Node. `--check` needs neither npm nor a
network: it compares what lies in `static/vendor/` and the icon sprite with `static/vendor/vendor.lock`.

vendor.lock is JSON: per package name, version, licence (SPDX), `package_sha256` of the npm archive, and the sha256 of
every file as it lies here (after the source map reference is taken off, which manifest storage could not resolve).
Tabler's own JavaScript stays out on purpose: menus are <details>, help is a <dialog>, so that they work without it.
Nothing but `accounts/breached/` is not served: the passwords that breaches showed to be the most common ones, packed so that
nobody stumbles over them.
"""

import argparse
import gzip
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "static" / "vendor"
LOCK = VENDOR / "vendor.lock"
SPRITE = ROOT / "static" / "toban" / "icons.svg"
BREACHED = ROOT / "accounts" / "breached"

MIT_TEXT = """\
The MIT License (MIT)

Copyright (c) 2018-2026 The Tabler Authors
Copyright (c) 2018-2026 codecalm.net Paweł Kuna

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in
all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN
THE SOFTWARE.
"""


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package and the files taken from it.

    `files` maps the path inside the package to the path under static/vendor/. `licence_text` stands in where the
    package ships no licence file of its own.
    """

    name: str
    version: str
    files: dict[str, str]
    licence_text: str | None = None


PACKAGES = (
    Package(
        name="@tabler/core",
        version="1.6.1",
        files={"dist/css/tabler.min.css": "tabler/tabler.min.css"},
        licence_text=MIT_TEXT,
    ),
    Package(
        name="htmx.org",
        version="2.0.11",
        files={"dist/htmx.min.js": "htmx/htmx.min.js", "LICENSE": "htmx/LICENSE"},
    ),
)

ICON_PACKAGE = Package(name="@tabler/icons", version="3.51.0", files={"LICENSE": "tabler-icons/LICENSE"})

PASSWORD_PACKAGE = Package(name="@zxcvbn-ts/language-common", version="4.1.3", files={})

# Name in our sprite -> file in the icon package. `state-*` are the marks of ui.md and mean the same on every page.
ICONS = {
    "state-running": "filled/circle",
    "state-stopped": "outline/circle",
    "state-waiting": "outline/square-rotated",
    "state-confirmed": "filled/square-rotated",
    "state-late": "filled/triangle",
    "state-failed": "outline/x",
    "state-unknown": "outline/question-mark",
    "state-excluded": "outline/ban",
    "state-done": "outline/check",
    "today": "outline/sun",
    "resources": "outline/server",
    "operations": "outline/clipboard-check",
    "ledger": "outline/book-2",
    "databases": "outline/stack-2",
    "volumes": "outline/database",
    "tenants": "outline/building",
    "search": "outline/search",
    "language": "outline/language",
    "theme-light": "outline/sun-high",
    "theme-dark": "outline/moon",
    "theme-auto": "outline/brightness",
    "user": "outline/user-circle",
    "sign-out": "outline/logout",
    "help": "outline/help-circle",
    "keyboard": "outline/keyboard",
    "copy": "outline/copy",
    "check": "outline/check",
    "x": "outline/x",
    "alert": "outline/alert-triangle",
    "info": "outline/info-circle",
    "lock": "outline/lock",
    "external": "outline/external-link",
    "filter": "outline/filter",
    "chevron-right": "outline/chevron-right",
    "chevron-left": "outline/chevron-left",
    "chevron-down": "outline/chevron-down",
    "start": "outline/player-play",
    "stop": "outline/player-stop",
    "tag": "outline/tag",
    "calendar": "outline/calendar",
    "clock": "outline/clock",
    "trash": "outline/trash",
    "offline": "outline/wifi-off",
    "verified": "outline/shield-check",
    "history": "outline/history",
    "back": "outline/arrow-back-up",
    "bell": "outline/bell",
}

# Drawn here because the icon package has no half filled circle.
OWN_SYMBOLS = {
    "state-transition": '<circle cx="12" cy="12" r="9"/><path d="M12 3a9 9 0 0 1 0 18z" fill="currentColor"/>',
}
STROKE = 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'


class VendorError(Exception):
    """Something fetched or kept here is not what it should be; the text says what to do."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Front-end files of Toban: fetch from npm, or check what is here."
    )
    parser.add_argument("--check", action="store_true", help="compare files with vendor.lock, fetch nothing")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            check()
        else:
            update()
    except VendorError as problem:
        print(f"vendor: {problem}", file=sys.stderr)
        return 1
    return 0


def update() -> None:
    """Fetch every package at its pinned version and rewrite files, sprite and lock."""
    entries = []
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            archive = fetch(package, Path(folder))
            paths = [place(package, archive, source, target) for source, target in package.files.items()]
            if package.licence_text is not None:
                beside = VENDOR / Path(next(iter(package.files.values()))).parent
                paths.append(write(beside / "LICENSE", package.licence_text))
            entries.append(entry(package, archive, paths))
        archive = fetch(ICON_PACKAGE, Path(folder))
        paths = [
            place(ICON_PACKAGE, archive, source, target) for source, target in ICON_PACKAGE.files.items()
        ]
        paths.append(write(SPRITE, sprite(archive)))
        entries.append(entry(ICON_PACKAGE, archive, paths))
        archive = fetch(PASSWORD_PACKAGE, Path(folder))
        paths = [
            write(BREACHED / "LICENSE", member(archive, "LICENSE.txt")),
            pack(BREACHED / "passwords.txt.gz", json.loads(member(archive, "src/passwords.json"))),
        ]
        entries.append(entry(PASSWORD_PACKAGE, archive, paths))
    write(LOCK, json.dumps({"packages": entries}, indent=2, ensure_ascii=False) + "\n")
    print(f"vendor: {len(entries)} packages written")


def check() -> None:
    """Raise VendorError unless every locked file is here unchanged and nothing else lies in static/vendor/."""
    try:
        packages = json.loads(LOCK.read_text(encoding="utf-8"))["packages"]
    except FileNotFoundError:
        raise VendorError(f"{LOCK.relative_to(ROOT)} is missing: run python config/vendor.py") from None
    locked = {name: digest for package in packages for name, digest in package["files"].items()}
    for name, digest in locked.items():
        path = ROOT / name
        if not path.is_file() or sha256(path) != digest:
            raise VendorError(
                f"{name} is missing or changed: run python config/vendor.py, or restore it from git"
            )
    here = {str(path.relative_to(ROOT)) for path in VENDOR.rglob("*") if path.is_file()}
    if strangers := here - locked.keys() - {str(LOCK.relative_to(ROOT))}:
        raise VendorError(f"not in vendor.lock: {', '.join(sorted(strangers))}")


def fetch(package: Package, folder: Path) -> Path:
    """Return the path of the package's npm archive, downloaded by the ordinary npm client into `folder`."""
    done = subprocess.run(
        ["npm", "pack", f"{package.name}@{package.version}", "--json", "--pack-destination", str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    return folder / Path(json.loads(done.stdout)[0]["filename"]).name


def place(package: Package, archive: Path, source: str, target: str) -> Path:
    return write(VENDOR / target, without_source_map(member(archive, source)))


def member(archive: Path, name: str) -> str:
    with tarfile.open(archive) as bundle:
        handle = bundle.extractfile(f"package/{name}")
        if handle is None:
            raise VendorError(f"{archive.name} has no file {name}")
        return handle.read().decode("utf-8")


def without_source_map(text: str) -> str:
    """Take the source map reference off: the map is not kept here, and manifest storage refuses a dead reference."""
    text = re.sub(r"/\*# sourceMappingURL=[^*]*\*/", "", text)
    return re.sub(r"(?m)^//# sourceMappingURL=.*$", "", text).rstrip() + "\n"


def sprite(archive: Path) -> str:
    """Return one SVG with a <symbol> per icon, so that a page refers to `icons.svg#name` and nothing is inline."""
    symbols = [symbol(name, member(archive, f"icons/{source}.svg")) for name, source in sorted(ICONS.items())]
    symbols += [
        f'<symbol id="{name}" viewBox="0 0 24 24" {STROKE}>{body}</symbol>'
        for name, body in OWN_SYMBOLS.items()
    ]
    head = f"Tabler Icons {ICON_PACKAGE.version}, MIT, see static/vendor/tabler-icons/LICENSE. Made by config/vendor.py."
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n<!-- {head} -->\n' + "\n".join(symbols) + "\n</svg>\n"


def symbol(name: str, text: str) -> str:
    inside = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    shapes = [line.strip() for line in inside.splitlines() if line.strip() and 'stroke="none"' not in line]
    paint = 'fill="currentColor"' if 'fill="currentColor"' in text else STROKE
    return f'<symbol id="{name}" viewBox="0 0 24 24" {paint}>{"".join(shapes)}</symbol>'


def entry(package: Package, archive: Path, paths: list[Path]) -> dict[str, object]:
    return {
        "name": package.name,
        "version": package.version,
        "licence": json.loads(member(archive, "package.json"))["license"],
        "package_sha256": sha256(archive),
        "files": {str(path.relative_to(ROOT)): sha256(path) for path in sorted(paths)},
    }


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def pack(path: Path, lines: list[str]) -> Path:
    """One a line, the most common first; the same lines give the same bytes."""
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0))
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
