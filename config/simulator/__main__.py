"""Starts the simulator: `python -m config.simulator --port 5600 [--host 127.0.0.1] [--state DIR]`.

Prints one JSON line {"ready": true, "port": ..., "pid": ...} when it answers.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from config.simulator.app import Simulator
from config.simulator.server import listen


def main() -> None:
    """Serves until it is told to stop."""
    parser = argparse.ArgumentParser(
        prog="python -m config.simulator", description="An AWS simulator for Toban."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5600, help="0 takes a free port")
    parser.add_argument("--state", type=Path, help="folder that gets journal.jsonl")
    options = parser.parse_args()
    # Otherwise every account and region costs 75 ms and 4 MB, and foreign snapshots appear as one's own.
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
    if options.state:
        options.state.mkdir(parents=True, exist_ok=True)
    simulator = Simulator(options.state)
    simulator.warm_up()
    server = listen(simulator, options.host, options.port)
    os.environ["MOTO_PORT"] = str(server.port)
    print(json.dumps({"ready": True, "port": server.port, "pid": os.getpid()}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
