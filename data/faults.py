"""Named points at which a test kills the process, to show that a kill costs nothing.

A real kill comes at any instruction; the named points are those where most could be lost: work half done, and work
done but not yet published.
"""

import os
import signal

VARIABLE = "STAGELM_FAULT"


def reach(point: str) -> None:
    """Kills this process with SIGKILL if the environment variable `STAGELM_FAULT` names `point`."""
    if os.environ.get(VARIABLE) == point:
        os.kill(os.getpid(), signal.SIGKILL)
