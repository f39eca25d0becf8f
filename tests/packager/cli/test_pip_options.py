"""pip's options on the command line, from the words to the place where each is heeded."""

from __future__ import annotations

import argparse
import os
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path

import pytest
from airpack.base.console import Silent
from airpack.base.errors import UsageError
from airpack.cli import pip_options
from airpack.requirements.rules import Rules
from airpack.resolve import pylock
from packaging.version import Version
from support.airpack import Airpack
from support.index import Index
from support.sdists import build_sdist
from support.wheels import build_wheel


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(exit_on_error=False)
    pip_options.add_rules(parser)
    pip_options.add_index(parser)
    parser.set_defaults(verbose=False)
    return parser


def test_the_rules_are_pips_options() -> None:
    """In pip's spelling, each as often as pip takes it."""
    words = "--only-binary a,b --only-binary :all: --no-binary c --prefer-binary --pre --no-deps --require-hashes"
    settings = ["-C", "x=1", "--config-settings", "x=2", "--exclude-newer", "2026-10-01"]
    rules = pip_options.rules(_parser().parse_args([*words.split(), *settings]))
    assert rules.arguments() == [
        *("--prefer-binary", "--pre", "--no-deps", "--require-hashes", "--only-binary=a,b", "--only-binary=:all:"),
        *("--no-binary=c", "--config-settings=x=1", "--config-settings=x=2"),
        "--uploaded-prior-to=2026-10-01T00:00:00Z",
    ]
    assert pip_options.rules(_parser().parse_args([])) == Rules(only_binary=[], no_binary=[], config_settings=[])


def test_the_connection_is_as_the_options_say(tmp_path: Path) -> None:
    """They reach each pip that airpack runs; a certificate that isn't there is told at once."""
    (tmp_path / "ca.pem").touch()
    words = f"-i https://a.invalid -f w -f x --trusted-host h:1 --trusted-host i --cert {tmp_path}/ca.pem "
    words += f"--client-cert {tmp_path}/ca.pem --proxy http://p.invalid:3128 --retries 0 --timeout 2.5"
    pip = pip_options.pip(_parser().parse_args(words.split()), {}, Silent())
    assert pip.index_options() == [
        *("--index-url", "https://a.invalid", "--find-links", "w", "--find-links", "x"),
        *("--trusted-host=h:1", "--trusted-host=i", f"--cert={tmp_path}/ca.pem", f"--client-cert={tmp_path}/ca.pem"),
        *("--proxy=http://p.invalid:3128", "--retries=0", "--timeout=2.5"),
    ]
    with pytest.raises(UsageError, match=r"^--cert nowhere\.pem does not exist: give the path of a PEM file$"):
        pip_options.pip(_parser().parse_args(["--cert", "nowhere.pem"]), {}, Silent())


@pytest.mark.parametrize(
    "words",
    ["--retries many", "--timeout 0", "--timeout inf", "-C x", "--exclude-newer tomorrow", "--exclude-newer P1Y"],
)
def test_a_value_that_pip_would_not_take_is_refused(words: str) -> None:
    """Before anything begins."""
    with pytest.raises(argparse.ArgumentError):
        _parser().parse_args(words.split())


@pytest.mark.parametrize(("age", "days"), [("P7D", 7), ("7 days", 7), ("1 day", 1), ("2 weeks", 14), ("3d", 3)])
def test_an_age_is_counted_from_now(age: str, days: int) -> None:
    """And becomes a moment, in whole seconds."""
    moment = _parser().parse_args(["--exclude-newer", age]).exclude_newer
    late = datetime.now(timezone.utc) - timedelta(days=days) - moment
    assert timedelta(0) <= late < timedelta(minutes=1)
    assert moment.microsecond == 0


def test_a_time_may_name_its_zone() -> None:
    """Without one it is UTC, wherever airpack runs."""
    read = _parser().parse_args
    expected = datetime(2026, 10, 1, 10, 0, tzinfo=timezone.utc)
    for text in ("2026-10-01T10:00:00Z", "2026-10-01T12:00+02:00", "2026-10-01T10:00"):
        assert read(["--exclude-newer", text]).exclude_newer == expected


@pytest.mark.slow
def test_a_resolve_heeds_them(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """Pre-releases and no dependencies, or wheels only, as pip's own options say."""
    build_wheel(wheels, "one", requires=["nowhere"])
    build_wheel(wheels, "one", "2.0a1", requires=["nowhere"])
    build_sdist(wheels, "two")
    lock = tmp_path / "pylock.toml"
    words = ["lock", "--no-index", "-f", wheels, "-o", lock]
    assert airpack(*words, "one", "--pre", "--no-deps") == 0, airpack.err
    assert [str(package.version) for package in pylock.read(lock).pylock.packages] == ["2.0a1"]
    assert airpack(*words, "two", "--only-binary", ":all:") == 1
    assert "--only-binary forbids building it" in airpack.error
    assert airpack(*words, "one==1.0", "--require-hashes") == 1
    assert "hash" in airpack.error.lower()


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_a_build_gets_the_settings_of_the_command_line(
    airpack: Airpack, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the lock has them, so that packing it builds the same; an editable project is built too."""
    build_sdist(wheels, "one", backend="assert settings == {'x': ['1', '2']} or settings == {'x': '1'}, settings")
    lock = tmp_path / "pylock.toml"
    words = ["lock", "--no-index", "-f", wheels, "-o", lock]
    assert airpack(*words, "one", "-C", "x=1", "-C", "x=2") == 0, airpack.err
    assert pylock.read(lock).pylock.packages[0].tool == {"airpack": {"config-settings": {"x": ["1", "2"]}}}
    assert airpack(*words, "one", "-C", "x=3") == 1


@pytest.mark.slow
def test_a_fetch_heeds_the_connection(airpack: Airpack, wheels: Path, index: Index, tmp_path: Path) -> None:
    """Through the proxy that the command line names, also from a lock."""
    build_wheel(wheels, "one")
    lock = tmp_path / "pylock.toml"
    assert airpack("lock", "one", "-i", index.url, "-o", lock) == 0, airpack.err
    index.requests.clear()
    lock.write_text(lock.read_text().replace(index.url.removesuffix("/simple"), "http://files.invalid"))
    words = [
        "pack",
        "--lock",
        lock,
        "-o",
        airpack.output,
        "--decoder",
        airpack.decoder,
        "--no-import",
        "--retries",
        "0",
    ]
    assert airpack(*words, "--proxy", index.url.removesuffix("/simple")) == 1
    assert "http://files.invalid/files/one-1.0-py3-none-any.whl can't be downloaded" in airpack.error
    assert index.requests == ["http://files.invalid/files/one-1.0-py3-none-any.whl"]


def test_what_steers_a_resolve_does_not_go_with_a_lock(airpack: Airpack, tmp_path: Path) -> None:
    """A lock names the files; the line names the option."""
    (tmp_path / "pylock.toml").touch()
    for option in (["--pre"], ["--exclude-newer", "P7D"], ["--only-binary", "one"]):
        assert airpack("pack", "--lock", tmp_path / "pylock.toml", *option) == 2
        assert airpack.error.startswith(f"airpack: error: {option[0]} steers a resolve, and --lock names each file")


def test_an_index_that_does_not_know_the_times(airpack: Airpack, wheels: Path, index: Index, tmp_path: Path) -> None:
    """--exclude-newer can't be heeded there, and says so."""
    build_wheel(wheels, "one")
    words = ["lock", "one", "-i", index.url, "-o", tmp_path / "pylock.toml", "--exclude-newer", "P7D"]
    assert airpack(*words) == 1
    assert airpack.error == (
        f"airpack: error: {index.url}/one/ doesn't say when its files were uploaded (PEP 700): leave out "
        "--exclude-newer, or name another index"
    )
    assert not os.path.exists(tmp_path / "pylock.toml")


@pytest.mark.slow
@pytest.mark.skipif(Version(version("pip")) < Version("26"), reason="pip before 26.0 has no --uploaded-prior-to")
def test_what_is_newer_is_left_out(airpack: Airpack, wheels: Path, index: Index, tmp_path: Path) -> None:
    """Where the index knows the times; a requirement that only newer files meet is told why."""
    build_wheel(wheels, "one")
    late = build_wheel(wheels, "one", "2.0")
    index.uploaded[late.name] = "2026-10-01T10:00:00Z"
    lock = tmp_path / "pylock.toml"
    words = ["lock", "-i", index.url, "-o", lock, "--exclude-newer"]
    for moment, expected in (("2026-10-01T10:00:00Z", "1.0"), ("2026-10-02", "2.0")):
        assert airpack(*words, moment, "one") == 0, airpack.err
        assert [str(package.version) for package in pylock.read(lock).pylock.packages] == [expected]
    assert airpack(*words, "2026-10-01", "one>1") == 1
    assert airpack.error == (
        "airpack: error: one>1: version 2.0 was uploaded too late for --exclude-newer; the newest that the "
        "target can use is 1.0: give a later moment"
    )


def test_a_lock_records_the_moment(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """And the lock of a pack from it does too; files of this machine have no such time, and are taken."""
    build_wheel(wheels, "one")
    lock = tmp_path / "pylock.toml"
    words = ["lock", "one", "--no-index", "-f", wheels, "-o", lock, "--exclude-newer", "2026-10-01T12:00+02:00"]
    assert airpack(*words) == 0, airpack.err
    assert 'exclude-newer = "2026-10-01T10:00:00Z"' in lock.read_text()
    assert pylock.read(lock).exclude_newer == datetime(2026, 10, 1, 10, 0, tzinfo=timezone.utc)
