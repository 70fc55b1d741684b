"""`python -m flows.ui` (`make ui`): Prefect's and MLflow's pages of this project's store, on loopback, until Ctrl-C."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from flows.embedded import quiet_prefect
from flows.plan import project_folder
from flows.store import Store
from flows.tracking.settings import load_settings

HOST = "127.0.0.1"


def servers(prefect_port: int, mlflow_port: int) -> dict[str, list[str]]:
    """Address -> command of each server to start; none for a tracking server that `mlflow.yaml` finds elsewhere."""
    tracking = load_settings(project_folder(), Store.default(project_folder()).root).tracking
    prefect = ["prefect", "server", "start", "--host", HOST, "--port", str(prefect_port)]
    mlflow = ["mlflow", "server", "--host", HOST, "--port", str(mlflow_port), "--backend-store-uri", tracking]
    commands = {f"http://{HOST}:{prefect_port}": prefect, f"http://{HOST}:{mlflow_port}": mlflow}
    if tracking.startswith(("http://", "https://")):
        del commands[f"http://{HOST}:{mlflow_port}"]
    return commands


def main(arguments: Sequence[str] | None = None) -> None:
    """Starts the servers and waits; ends all of them when one ends or when it is told to."""
    parser = argparse.ArgumentParser(prog="python -m flows.ui", description=__doc__)
    parser.add_argument("--prefect-port", type=int, default=4200)
    parser.add_argument("--mlflow-port", type=int, default=5000)
    ports = parser.parse_args(arguments)
    quiet_prefect()
    # Its job workers take gigabytes, for a feature that reads traces.
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    running = []
    try:
        for address, command in servers(ports.prefect_port, ports.mlflow_port).items():
            running.append(subprocess.Popen([sys.executable, "-P", "-m", *command]))
            print(f"{command[0]}: {address}", flush=True)
        os.wait()
    except KeyboardInterrupt:
        pass
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()


if __name__ == "__main__":
    main()
