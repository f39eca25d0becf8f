"""airpack from Python."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import airpack
import pytest
from airpack.api.options import LockOptions, PackOptions
from airpack.base.errors import AuditFailed, UsageError
from airpack.cli.words import option_values, parsers
from airpack.results.folder import BUNDLE
from support import machine, pages
from support.wheels import build_wheel

GOLDEN = machine.FIXTURES / "golden"
# Options of the command line that are parameters here, or for people and programs at a terminal.
_NOT_HERE = {"output", "dry_run", "check", "json", "quiet", "verbose", "color", "no_progress"}


@pytest.mark.parametrize(("name", "typed"), [("pack", PackOptions), ("lock", LockOptions)])
def test_the_options_are_those_of_the_command_line(name: str, typed: type) -> None:
    """Each by its name, a flag as bool, one that may be repeated as a sequence."""
    hints = get_type_hints(typed)
    command = parsers.build([name])[1].choices[name]
    options = {each.dest: each for each in command._actions if each.option_strings and each.dest != "help"}
    assert hints.keys() == options.keys() - _NOT_HERE
    for dest, hint in hints.items():
        action = options[dest]
        first: argparse.Action = next(each for each in command._actions if each.dest == dest)
        assert (hint is bool) == (first.nargs == 0), dest
        assert ("Sequence" in str(hint)) == option_values.takes_several(action), dest


@pytest.mark.slow
def test_what_is_packed_and_locked_can_be_read(
    wheels: Path, decoder_wheel: Path, plain_env: None, tmp_path: Path
) -> None:
    """By the same stages as the command line's; nothing is printed, and no signal handler is set."""
    build_wheel(wheels, "one", requires=["two"])
    build_wheel(wheels, "two")
    assumed = (
        "the target is cp37-manylinux_2_27_x86_64, assuming Python 3.7.17: name them with target= and python_version="
    )
    with pytest.warns(UserWarning, match=re.escape(assumed)) as warned:
        packed = airpack.pack(
            "one", output=tmp_path / "dist", no_index=True, find_links=[wheels], decoder=decoder_wheel, no_import=True
        )
    assert [warning.filename for warning in warned] == [__file__]
    assert packed.bundle.path == tmp_path / "dist" / BUNDLE
    with airpack.open_bundle(tmp_path / "dist", digest=f"sha256:{packed.bundle.digest}") as bundle:
        assert [each.name for each in bundle.toc.distributions] == ["one", "two"]
    path = tmp_path / "pylock.toml"
    known: LockOptions = {"no_index": True, "find_links": [wheels], "python_version": "3.7.17"}
    locked = airpack.lock("one", output=path, **known)
    assert [wheel.name for wheel in locked.wheels] == ["one", "two"]
    assert path.exists()
    assert airpack.lock("two", **known).requirements == ("two",)


def test_wrong_options_and_other_bundles_are_errors() -> None:
    """With the name of the option, and the nearest; the bundle is what is asked for, or it isn't given."""
    with pytest.raises(UsageError, match=r"^airpack\.pack: levle is not an option of pack: is it level\?$"):
        airpack.pack("one", levle=3)  # type: ignore[call-arg]
    with pytest.raises(UsageError, match=r"^airpack\.pack: level: '99' is not a level"):
        airpack.pack("one", level=99)
    with pytest.raises(UsageError, match=r"^nothing to pack"):
        airpack.lock()
    with pytest.raises(AuditFailed, match="it is another bundle"), airpack.open_bundle(GOLDEN, digest="0" * 64):
        pytest.fail("another bundle was given")
    with (
        pytest.raises(UsageError, match=r"^airpack\.open_bundle: digest: 'abc' is not a digest"),
        airpack.open_bundle(GOLDEN, digest="abc"),
    ):
        pytest.fail("another bundle was given")
    with airpack.open_bundle(GOLDEN, key=GOLDEN / "key.pub") as bundle:
        assert bundle.toc.target == "cp37-manylinux_2_27_x86_64"
    with pytest.raises(AttributeError, match="module 'airpack' has no attribute 'pakc'"):
        airpack.pakc  # noqa: B018


def test_import_airpack_is_light() -> None:
    """What the functions need is imported when they are asked for."""
    line = "import sys, airpack; print(sorted(name for name in sys.modules if name.startswith('airpack.')))"
    assert subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.slow
def test_the_readmes_lines_pack(
    wheels: Path, decoder_wheel: Path, plain_env: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In at most five lines, as they stand there."""
    (block,) = [block for block in pages.blocks(pages.PAGES[0]) if block.language == "python"]
    assert len(list(filter(None, block.text.splitlines()))) <= 5
    build_wheel(wheels, "pandas")
    shutil.copy(decoder_wheel, wheels / "pyzstd-0.15.10-cp37-cp37m-manylinux_2_17_x86_64.whl")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    done = subprocess.run([sys.executable, "-c", block.text], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with airpack.open_bundle(tmp_path / "dist") as bundle:
        assert done.stdout == f"sha256:{bundle.file.digest}\n['pandas']\n"
