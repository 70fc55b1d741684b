"""Prefect's settings for runs from a terminal, where no server is wanted: set before Prefect is first imported."""

import os

_SETTINGS = {
    # The embedded API answers after 20 to 40 s on a slow machine; Prefect gives up after 20 by default.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # The run prints its own lines, and an error is printed once, by the command line.
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
}


def quiet_prefect() -> None:
    """Applies the settings; those that the environment has already win."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
