"""Lines and metadata: what pip can't read, and what only older pips read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.airpack import Airpack
from support.index import Index
from support.wheels import build_wheel


def _locked(airpack: Airpack, index: Index, *words: object) -> str:
    lock = airpack.output.with_name("pylock.toml")
    assert airpack("lock", "-o", lock, "--index-url", index.url, *words) == 0, airpack.err
    return lock.read_text()


def test_requirements_in_metadata(airpack: Airpack, index: Index, wheels: Path) -> None:
    """The newest version that the image's own pip would take is taken, not an older one with other metadata."""
    build_wheel(wheels, "one", "0.9")
    build_wheel(wheels, "one", "1.0", requires=["two (<3.*)", "two>dev"])
    build_wheel(wheels, "two", "2.0")
    build_wheel(wheels, "two", "3.0")
    locked = _locked(airpack, index, "one")
    assert "one-1.0-" in locked
    assert "two-2.0-" in locked


@pytest.mark.slow
def test_requires_python_in_metadata(airpack: Airpack, index: Index, wheels: Path) -> None:
    """A version for another Python is passed over, which pip 24.1 and newer would take; the lock has today's form."""
    build_wheel(wheels, "one", "1.0", metadata=["Requires-Python: >=3.6.*, "])
    build_wheel(wheels, "one", "2.0", metadata=["Requires-Python: >=3.8.*"])
    locked = _locked(airpack, index, "one")
    assert "one-1.0-" in locked
    assert 'requires-python = ">=3.6"' in locked


def test_lines_of_the_users(airpack: Airpack, index: Index, wheels: Path, tmp_path: Path) -> None:
    """As the image's own pip reads the same file; what each was read as is told."""
    build_wheel(wheels, "one", "1.8")
    build_wheel(wheels, "two", "1.9.0")
    file = tmp_path / "requirements.txt"
    file.write_text("one (<1.9.*)\ntwo>=1.9.0+cu111\n")
    locked = _locked(airpack, index, "-r", file)
    assert "one-1.8-" in locked
    assert "two-1.9.0-" in locked
    assert "note: 'one (<1.9.*)' is read as 'one<1.9', as older pips read it\n" in airpack.err
    assert "note: 'two>=1.9.0+cu111' is read as 'two>=1.9.0', as older pips read it\n" in airpack.err


@pytest.mark.parametrize("line", ["one>=1.0<2.0", "one>==1.0", "one==2004d"])
def test_a_line_that_they_misread_is_refused(airpack: Airpack, index: Index, wheels: Path, line: str) -> None:
    """They took `1.0<2.0` for a version, and dropped the limit in silence."""
    build_wheel(wheels, "one", "3.0")
    assert airpack("lock", "--index-url", index.url, line, "-o", airpack.output) == 1
    assert f"{line!r} is not a requirement" in airpack.error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("one=1.0", "'one=1.0' is not a requirement, line 3 of {file}: write one==1.0"),
        (
            "one; python_version>3.6",
            "'one; python_version>3.6' is not a requirement, line 3 of {file}: write one; python_version > '3.6'",
        ),
        ("-- one", "'-- one' is not a requirement, line 3 of {file}: write one"),
        ("one@latest", "'one@latest' is not a requirement, line 3 of {file}: write one"),
        ("one===", "'one===' is not a requirement, line 3 of {file}: write one"),
        (
            "git@example.invalid:team/one.git",
            (
                "'git@example.invalid:team/one.git' is not a requirement, line 3 of {file}: "
                "write git+ssh://git@example.invalid/team/one.git"
            ),
        ),
        (
            "one==1.0 --no-deps",
            (
                "'one==1.0 --no-deps', line 3 of {file}: a requirements file has no option --no-deps: "
                "give it on the command line, or delete it"
            ),
        ),
        (
            "-c absent.txt",
            "constraint file {folder}/absent.txt can't be read: No such file or directory, line 3 of {file}",
        ),
        (
            "-e absent",
            (
                "'absent' is no project to build, line 3 of {file}: give the path of a folder that there is, or a URL "
                "such as git+https://..."
            ),
        ),
        ("absent.whl", "'absent.whl' is no name of a wheel, line 3 of {file}: give the file as its builder named it"),
    ],
)
def test_a_line_that_pip_cannot_read(airpack: Airpack, tmp_path: Path, line: str, told: str) -> None:
    """One line says what is wrong, where it stands, also after a file that it includes, and what to write."""
    file, other = tmp_path / "requirements.txt", tmp_path / "other.txt"
    file.write_text(f"# first\n-r other.txt\n{line}\n")
    other.write_text("# none\n")
    assert airpack("lock", "--no-index", "-o", airpack.output, "-r", file) == 1
    assert airpack.error == f"airpack: error: {told.format(file=file, folder=tmp_path)}"


@pytest.mark.slow
def test_what_pip_drops_from_a_line(airpack: Airpack, index: Index, wheels: Path, tmp_path: Path) -> None:
    """A word behind an option's value, such as the second half of a path: told, without the password in it."""
    build_wheel(wheels, "one")
    file = tmp_path / "requirements.txt"
    file.write_text(f"-f  ./my wheels  \n--extra-index-url {index.url} https://me:secret@a.invalid/simple\none\n")
    assert airpack("lock", "-i", index.url, "-o", airpack.output, "-r", file) == 0, airpack.err
    remedy = "quote a value that has spaces, and write a line for each option"
    warnings = [line for line in airpack.err.splitlines() if "leaves out" in line]
    assert warnings == [
        f"warning: line 1 of {file}: pip leaves out 'wheels': {remedy}",
        f"warning: line 2 of {file}: pip leaves out 'https://****@a.invalid/simple': {remedy}",
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("file:///absent/one-1.0-py3-none-any.whl", "No such file or directory"),
        ("one @ http://127.0.0.1:9/one-1.0-py3-none-any.whl", "Connection refused"),
        ("one @ git+file:///absent/one.git", "git says: '/absent/one.git' does not appear to be a git repository"),
    ],
)
def test_a_source_that_cannot_be_had(airpack: Airpack, tmp_path: Path, line: str, told: str) -> None:
    """The URL, the line of the user's and the reason."""
    file, url = tmp_path / "requirements.txt", line.rpartition(" @ ")[2]
    file.write_text(f"# first\n{line}\n")
    assert airpack("lock", "--no-index", "--retries", "0", "-o", airpack.output, "-r", file) == 1
    # pip writes `git+file:/` for `git+file:///`, by the Python that it runs under.
    remedy = "the path" if "file:" in line else "the URL, the network, the proxy and the credentials"
    assert airpack.error.replace("git+file:/absent", "git+file:///absent") == (
        f"airpack: error: {url} (line 2 of {file}) can't be had: {told}: check {remedy}"
    )


def test_blanks_behind_a_backslash(airpack: Airpack, index: Index, wheels: Path, tmp_path: Path) -> None:
    """Nobody sees them, and pip takes the backslash for a part of the requirement then."""
    build_wheel(wheels, "one")
    build_wheel(wheels, "two")
    file = tmp_path / "requirements.txt"
    file.write_text("one==1.0 \\ \t\n    --config-settings=a=b\ntwo\n")
    locked = _locked(airpack, index, "-r", file)
    assert "one-1.0-" in locked
    assert "two-1.0-" in locked


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("--extra-index-url https://${ABSENT}@127.0.0.1:9/simple", "the environment variable ABSENT is not set"),
        ("one @ https://127.0.0.1:9/${absent}", "${absent}: pip puts in a variable that is written ${ABSENT}"),
        ("-i https://%MY_USER%@127.0.0.1:9/simple", "%MY_USER%: pip puts in a variable that is written ${MY_USER}"),
    ],
)
def test_a_variable_that_is_not_set(airpack: Airpack, index: Index, tmp_path: Path, line: str, problem: str) -> None:
    """It is no part of a URL: what an index has would be looked for in the others."""
    file = tmp_path / "requirements.txt"
    file.write_text(f"one\n{line}\n")
    assert airpack("lock", "-i", index.url, "-o", airpack.output, "-r", file) == 1
    assert airpack.error == f"airpack: error: line 2 of {file}: {problem}"
    assert index.requests == []


@pytest.mark.slow
@pytest.mark.parametrize("option", ["-c", "-r"])
@pytest.mark.parametrize("place", ["a path", "a line of a file", "a URL in a file"])
def test_no_file_that_a_file_names_is_waited_for(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path, place: str, option: str
) -> None:
    """Nor read without end, nor a name that no file can have: of a file that a file names as well, which pip reads."""
    build_wheel(wheels, "one")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    (tmp_path / "outer.txt").touch()
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(1 << 40)
    reasons = {"pipe": "a pipe, not a regular file", "endless": "a device, not a regular file", "huge": "larger than"}
    for name, reason in {**reasons, "no\0name": "no file has a NUL in its name"}.items():
        url = "file://" if "URL" in place else ""
        (tmp_path / "outer.txt").write_text(f"{option} {url}{tmp_path / name}\n")
        words = [option, tmp_path / name] if place == "a path" and "\0" not in name else ["-r", tmp_path / "outer.txt"]
        assert airpack("lock", "one", "--index-url", index.url, "-o", airpack.output, *words) == 1
        assert reason in airpack.error
