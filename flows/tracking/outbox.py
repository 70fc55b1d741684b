"""Recording that never stops the work: write to disk, send when it suits, try again after an outage."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from flows.tracking import journal
from flows.tracking.delivery import Delivery, UnreachableError
from flows.tracking.journal import Journal, Operation
from flows.tracking.settings import TrackingSettings

_FLUSH_SECONDS = 5.0
_FLUSH_OPERATIONS = 200
_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS = 2.0, 60.0
_log = logging.getLogger(__name__)


class Outbox:
    """Takes operations from any thread of this process and delivers them in order."""

    def __init__(self, settings: TrackingSettings) -> None:
        self._settings = settings
        self._delivery = Delivery(settings)
        self._journal = Journal(settings.spool)
        self._waiting: list[Operation] = []
        self._lock = threading.RLock()
        self._orphans_may_wait = True
        self._away = False
        self._retry_seconds = _FIRST_RETRY_SECONDS
        self._next_flush = time.monotonic() + _FLUSH_SECONDS

    def run_id(self, key: str) -> str:
        """The MLflow id of a run, or its key as long as there is none."""
        return self._delivery.run_id(key)

    def post(self, kind: str, run: str, **content: object) -> None:
        """Records one operation, and sends what waits when it is time."""
        with self._lock:
            operation = {"kind": kind, "run": self.run_id(run), **content}
            self._journal.append(operation)
            self._waiting.append(operation)
            due = time.monotonic() >= self._next_flush
            if due or (not self._away and len(self._waiting) >= _FLUSH_OPERATIONS):
                self.flush()

    def post_file(self, run: str, source: Path, folder: str) -> None:
        """Records a file or folder as an artifact; the content of this moment is what arrives."""
        with self._lock:  # a flush of another thread forgets files that no operation names yet
            self.post("artifact", run, path=str(self._journal.keep_file(source).absolute()), folder=folder)

    def post_text(self, run: str, text: str, name: str, folder: str) -> None:
        """Records a text as an artifact."""
        with self._lock:
            self.post("artifact", run, path=str(self._journal.keep_text(text, name).absolute()), folder=folder)

    def flush(self) -> bool:
        """Tries to deliver all that waits, also of processes that ended before they could. Never raises for an outage.

        Returns:
            Whether everything was delivered. What was not stays in `<store>/spool` until a later call or process.
        """
        with self._lock:
            try:
                self._deliver_left_behind()
                self._delivery.send(self._waiting)
            except UnreachableError as error:
                self._back_off(error)
                return False
            self._journal.clear()
            if self._away:
                _log.warning("MLflow at %s answers again; everything is recorded", self._settings.tracking)
            self._away, self._retry_seconds = False, _FIRST_RETRY_SECONDS
            self._next_flush = time.monotonic() + _FLUSH_SECONDS
            return True

    def close(self) -> bool:
        """Flushes for the last time; returns whether everything was delivered."""
        with self._lock:
            delivered = self.flush()
            self._journal.close(delivered=delivered)
            return delivered

    def _deliver_left_behind(self) -> None:
        # Before our own: points of a resumed run must arrive in the order of their axis.
        if not self._orphans_may_wait:
            return
        with journal.left_behind(self._settings.spool) as found:
            for path, operations in found.items():
                self._delivery.send(operations)
                journal.remove(path)
        self._orphans_may_wait = False

    def _back_off(self, error: UnreachableError) -> None:
        if not self._away:
            _log.warning(
                "MLflow at %s cannot be reached (%s). The run goes on; its record is kept in %s and sent later",
                self._settings.tracking,
                error,
                self._settings.spool,
            )
        self._away = True
        self._next_flush = time.monotonic() + self._retry_seconds
        self._retry_seconds = min(2 * self._retry_seconds, _LAST_RETRY_SECONDS)
