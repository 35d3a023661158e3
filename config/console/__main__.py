"""The verbs of `./toban`, inside the environment that it made."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from config.console import bench, demo, locks, quality, serve, suite
from config.datafolder import DataFolder, StackError, default_path
from config.processes import Stopped
from config.stack import ROOT, Stack

# Which database role a command needs; all others connect as the web server does.
SCHEMA_COMMANDS = ("migrate", "showmigrations", "makemigrations", "sqlmigrate", "squashmigrations")
ROLE_OF_COMMAND = {
    **dict.fromkeys(SCHEMA_COMMANDS, "DATABASE_OWNER_URL"),
    "audit_verify": "DATABASE_AUDIT_URL",
    "audit_seal": "DATABASE_AUDIT_URL",
    "audit_export": "DATABASE_AUDIT_URL",
    "planning_export": "DATABASE_AUDIT_URL",
    "demo_round": "DATABASE_SCHEDULER_URL",
    "reseal": "DATABASE_WORKER_URL",
}


def say(line: str) -> None:
    """Progress, to stderr: stdout belongs to results."""
    print(line, file=sys.stderr, flush=True)


def open_stack() -> Stack:
    """The user's stack, its folder ready, nothing started."""
    folder = DataFolder(default_path(os.environ))
    folder.prepare()
    return Stack(folder, say=say)


def up(arguments: Sequence[str]) -> int:
    """Bring the stack up in the background."""
    _takes_nothing("up", arguments)
    stack = open_stack()
    before = stack.running()
    stack.up(background=True)
    if stack.folder.demo_is_running():
        say("A demo is running on this folder: its servers are used, and stop when it stops.")
    for name, pid in stack.running().items():
        say(f"{name:<10} {'was running' if name in before else 'started'} (pid {pid})")
    say(f'Data in {stack.folder.path}. To use it: eval "$(./toban env)"')
    return 0


def down(arguments: Sequence[str]) -> int:
    """Stop what `up` or `manage` left running."""
    _takes_nothing("down", arguments)
    path = default_path(os.environ)
    if not path.exists():
        say("Nothing is running.")
        return 0
    stack = open_stack()
    if stack.folder.demo_is_running():
        raise StackError(f"A demo is running on {path}; stop it with Ctrl-C in its terminal.")
    running = stack.running()
    stack.down(set(running))
    say(f"Stopped: {', '.join(running)}." if running else "Nothing is running.")
    return 0


def env(arguments: Sequence[str]) -> int:
    """Print what to export; brings nothing up."""
    _takes_nothing("env", arguments)
    stack = open_stack()
    for name, value in stack.exports().items():
        print(f"export {name}={shlex.quote(value)}")
    missing = {"postgres", "valkey", "simulator"} - stack.running().keys()
    if missing and not stack.outside:
        say(f"Not running: {', '.join(sorted(missing))}. To start them: ./toban up")
    return 0


def manage(arguments: Sequence[str]) -> int:
    """manage.py in the stack, in this very process, so that shells and Ctrl-C behave as ever.

    The stack stays up afterwards. Commands on the schema connect as the owner of the tables.
    """
    stack = open_stack()
    was_up = stack.running().keys() >= {"postgres", "valkey"}
    command = arguments[0] if arguments else "help"
    role = ROLE_OF_COMMAND.get(command, "DATABASE_URL")
    if not {"-h", "--help", "help"} & set(arguments[:2]):
        stack.up(background=True, migrate=command not in SCHEMA_COMMANDS)
        if not was_up and not stack.outside:
            say("The stack was down; it is up now and stays up until ./toban down.")
    os.execve(sys.executable, [sys.executable, str(ROOT / "manage.py"), *arguments], stack.environment(role))


def lock(arguments: Sequence[str]) -> int:
    """Write the locked requirements anew."""
    _takes_nothing("lock", arguments)
    return locks.write()


def _takes_nothing(verb: str, arguments: Sequence[str]) -> None:
    argparse.ArgumentParser(prog=f"./toban {verb}").parse_args(arguments)


VERBS: dict[str, Callable[[Sequence[str]], int]] = {
    "demo": lambda arguments: demo.main(arguments, say=say),
    "up": up,
    "down": down,
    "env": env,
    "manage": manage,
    "test": lambda arguments: suite.main(arguments, say=say),
    "check": lambda arguments: quality.main(arguments, say=say),
    "bench": lambda arguments: bench.main(arguments, say=say),
    "serve": lambda arguments: serve.main(arguments, say=say),
    "lock": lock,
}


def main(arguments: Sequence[str]) -> int:
    """Run one verb; what a person can mend is one sentence on stderr and exit code 2."""
    try:
        return VERBS[arguments[0]](arguments[1:])
    except StackError as error:
        say(str(error))
        return 2
    except (Stopped, KeyboardInterrupt):
        return 130


if __name__ == "__main__":
    if Path.cwd() != ROOT:
        os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
