"""Whether this process has been asked to stop: runs then end after their current epoch, with nothing lost.

SIGTERM asks; a second one ends the process as usual. A process that starts workers shares an event with them, so
that asking the one asks all.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

_asked = False
_shared: Any = None  # a multiprocessing.Event, set by the process that starts workers and read by these
_worker = False


def asked() -> bool:
    """Whether to start no further epoch and no further run."""
    return _asked or (_worker and _shared.is_set())


def _ask(number: int, frame: FrameType | None) -> None:
    global _asked
    _asked = True
    signal.signal(number, signal.SIG_DFL)
    if _shared is not None and not _worker:
        _shared.set()


def listen(shared: Any = None, *, worker: bool = False) -> None:
    """Take SIGTERM as a request from now on; `shared` passes it on to workers, or (`worker`) from who started this.

    Python allows handlers in the main thread only; elsewhere this does nothing.
    """
    global _asked, _shared, _worker
    _asked, _shared, _worker = False, shared, worker
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _ask)


def ignore() -> None:
    """Take SIGTERM as usual again."""
    global _asked, _shared, _worker
    _asked, _shared, _worker = False, None, False
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
