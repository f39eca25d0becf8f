"""Two real users beside root, and folders that they share: what one of them does to the other."""

from __future__ import annotations

import difflib
import email.parser
import functools
import importlib
import os
import pkgutil
import shutil
import site
import tempfile
from pathlib import Path
from typing import Callable, Iterator

import airpack_runtime
import pytest

from .conftest import Child, Outcome

THEM, US = 61001, 61002
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as two other users")


def by(uid: int, act: Callable[[], object]) -> Outcome:
    """Act in a child process as the user `uid`; return how that ended, with the text of what it returned."""
    _import_all()

    def become() -> str:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        os.umask(0o022)
        return str(act())

    return Child(become).outcome()


@functools.lru_cache(maxsize=None)
def _import_all() -> None:
    """Import the runtime, and what it imports when it needs it: another user may not get to where these lie."""
    assert difflib and email.parser and site
    for module in pkgutil.walk_packages(airpack_runtime.__path__, "airpack_runtime."):
        if not module.name.endswith(("__main__", "sitecustomize")):
            importlib.import_module(module.name)


@pytest.fixture
def square() -> Iterator[Path]:
    """Return a folder that every user can get to, and root alone can write to."""
    folder = Path(tempfile.mkdtemp(prefix="airpack-square-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(str(folder))
