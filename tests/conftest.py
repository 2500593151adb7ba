"""Shared by all tests: one thread each, because two tests run at a time on two processors; and none runs for ever."""

import faulthandler
import os
import sys
from collections.abc import Iterator

import pytest
import torch

torch.set_num_threads(1)

LONGEST = 900  # seconds; the longest test, a browser's look at every page, takes two minutes
_STDERR: list[int] = []


def pytest_configure() -> None:
    _STDERR.append(os.dup(sys.__stderr__.fileno() if sys.__stderr__ else 2))  # before pytest takes it


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A test that takes longer than `LONGEST` ends its process, which says where it was."""
    faulthandler.dump_traceback_later(LONGEST, exit=True, file=_STDERR[0])
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()
