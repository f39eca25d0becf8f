"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path

import pytest
from airpack.base.console import Lines, Silent
from airpack.base.errors import UsageError
from airpack.cli import general, options
from airpack.target.target import Target


def test_a_number_of_jobs_is_positive() -> None:
    """Zero, a sign and a word are refused."""
    assert general.positive("12") == 12
    for text in ("0", "-1", "many"):
        with pytest.raises(argparse.ArgumentTypeError, match=f"^'{text}' is not a number of 1 or more$"):
            general.positive(text)


def test_a_digest_may_have_its_prefix() -> None:
    """And capital letters; anything else is refused."""
    assert general.digest(f"sha256:{'0A' * 32}") == general.digest("0a" * 32) == "0a" * 32
    with pytest.raises(argparse.ArgumentTypeError, match=r"^'0a0a' is not a digest: give the sha256:"):
        general.digest("0a0a")


def test_the_time_is_source_date_epoch() -> None:
    """Or the default, where it is unset or empty; what is not a number is refused."""
    assert options.epoch({"SOURCE_DATE_EPOCH": "1700000000"}, otherwise=5) == 1700000000
    assert [options.epoch(env, otherwise=5) for env in ({}, {"SOURCE_DATE_EPOCH": ""})] == [5, 5]
    with pytest.raises(UsageError, match=r"^SOURCE_DATE_EPOCH is 'today': "):
        options.epoch({"SOURCE_DATE_EPOCH": "today"}, otherwise=5)


def test_an_assumed_target_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """And how to name another; one that was named whole is not."""
    parser = argparse.ArgumentParser()
    options.add_target(parser)
    told = []
    for words in ([], ["--python-version", "3.7.5"], ["--target", "cp39-manylinux_2_28_x86_64"], ["--target", "here"]):
        arguments = parser.parse_args(words)
        options.tell_target(options.target(arguments), arguments, Lines(sys.stderr))
        told.append(capsys.readouterr().err)
    name, other = "target    cp37-manylinux_2_27_x86_64", Target.parse("cp39-manylinux_2_28_x86_64")
    ask, which = "or ask it: airpack probe IMAGE", "name the image's with --python-version"
    assert told == [
        f"{name}, assuming Python 3.7.17; name another image with --target, its Python with --python-version, {ask}\n",
        f"{name}, Python 3.7.5; name another image with --target\n",
        f"target    {other.name}, assuming Python {other.python_full_version}; {which}, {ask}\n",
        "",
    ]


def test_the_python_of_another_processor_only_imports(tmp_path: Path) -> None:
    """It is passed over on PATH; where the user names it, one of this processor is found beside it."""
    version = f"3.{sys.version_info[1]}"
    other = tmp_path / f"python{version}"
    answer = [str(other), "cpython", f"{version}.1", "cpython", "00", "main", "s390x", "2.36"]
    other.write_text(f"#!/bin/sh\necho {shlex.quote(json.dumps(answer))}\n")
    other.chmod(0o755)
    parser, target = argparse.ArgumentParser(), Target.parse(f"cp3{sys.version_info[1]}-manylinux_2_28_x86_64")
    options.add_python(parser)
    env = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    for words, named in (([], None), (["--python", str(other)], other)):
        arguments = parser.parse_args([*words, "--no-python-download"])
        own, foreign = options.find_pythons(arguments, target, env, Silent(), lost="bytecode")
        assert own is not None
        assert not own.is_foreign
        assert (foreign and foreign.path) == named


def test_a_passphrase_is_the_files_line(tmp_path: Path) -> None:
    """Without its end, but with spaces; an empty file is a mistake, no file is no passphrase."""
    parser = argparse.ArgumentParser()
    options.add_passphrase(parser)
    assert options.passphrase(parser.parse_args([])) is None
    path = tmp_path / "passphrase"
    for content in (b"two words \n", b"two words \r\n", b"two words "):
        path.write_bytes(content)
        assert options.passphrase(parser.parse_args(["--passphrase-file", str(path)])) == b"two words "
    path.write_bytes(b"\n")
    with pytest.raises(UsageError, match=f"^{path} is empty: write the passphrase into it, or leave out "):
        options.passphrase(parser.parse_args(["--passphrase-file", str(path)]))


@pytest.mark.parametrize(("words", "kind"), [([], Lines), (["-v"], Lines), (["-q"], Silent)])
def test_progress_is_lines_where_there_is_no_terminal(words: list[str], kind: type) -> None:
    """And nothing if quiet."""
    parser = argparse.ArgumentParser()
    general.add_verbosity(parser, progress=True)
    assert type(general.progress(parser.parse_args(words))) is kind
