"""Options that the environment and a file set, for what the command line leaves out."""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airpack.base import toml
from airpack.cli.words import option_values, parsers, settings, unknown
from airpack.cli.words.settings import InvalidSetting, Source
from support import machine
from support.airpack import Airpack

# Words of which each option takes one.
_SAMPLES = ("3", "a/b", "k=v", "2026-10-01", "0" * 64)


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave the test without settings of this machine's, in a folder of its own."""
    for name in [name for name in os.environ if name.startswith(settings.PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def _options() -> Iterator[tuple[str, argparse.ArgumentParser, str, argparse.Action]]:
    for command, each in parsers.every().items():
        for parser in each:
            for key, action in option_values.actions(parser):
                if action.option_strings and key not in settings.NOT_SET:
                    yield command, parser, key, action


def _sample(parser: argparse.ArgumentParser, key: str, action: argparse.Action) -> Any:
    """Return a value that a file may give to an option."""
    if action.nargs == 0:
        return True
    for text in [*(action.choices or ()), *_SAMPLES]:
        value = [text] if option_values.takes_several(action) else text
        try:
            option_values.evaluate(parser, action, option_values.texts_of(action, value))
        except option_values.Refused:
            continue
        return value
    raise AssertionError(f"no sample for {key}")


@pytest.mark.slow
def test_every_option_of_every_command_has_its_variable_and_its_key() -> None:
    """Of one command and, unless it means another thing on each, of all; each sets what the other does."""
    count = 0
    for command, parser, key, action in _options():
        value = _sample(parser, key, action)
        text = "1" if value is True else " ".join(value) if isinstance(value, list) else value
        sources = [
            Source(env={settings.variable(command, key): text}),
            Source(env={}, path=Path("x.toml"), table={command: {key: value}}),
        ]
        if key not in settings.OF_ONE_COMMAND:
            sources += [
                Source(env={settings.variable(key): text}),
                Source(env={}, path=Path("x.toml"), table={key: value}),
            ]
        results = [settings.of_command(source, command, parser) for source in sources]
        assert [[str(setting.values) for setting in found] for found in results] == [[str(results[0][0].values)]] * len(
            sources
        ), (command, key)
        assert all(not [*unknown.every(source, list(source.env), set())] for source in sources[:1])
        count += 1
    assert count > 150


def _parse(command: str, *words: str, env: dict[str, str] | None = None, table: str = "") -> argparse.Namespace:
    """Return the arguments of a command line, with an environment and the text of a file."""
    parser, commands = parsers.build([command])
    source = Source(env=env or {}, path=Path("airpack.toml"), table=toml.loads(table))
    found = settings.of_command(source, command, commands.choices[command])
    return settings.parse(parser, commands.choices[command], [command, *words], found)


@pytest.mark.parametrize(
    ("words", "env", "table", "level"),
    [
        ([], {}, "", 9),
        ([], {}, "level = 1", 1),
        ([], {}, "level = 1\n[pack]\nlevel = 2", 2),
        ([], {"AIRPACK_LEVEL": "3"}, "level = 1\n[pack]\nlevel = 2", 3),
        ([], {"AIRPACK_LEVEL": "3", "AIRPACK_PACK_LEVEL": "4"}, "[pack]\nlevel = 2", 4),
        ([], {"AIRPACK_LEVEL": ""}, "level = 1", 1),
        (["--level", "5"], {"AIRPACK_LEVEL": "3", "AIRPACK_PACK_LEVEL": "4"}, "[pack]\nlevel = 2", 5),
        (["--level", "9"], {}, "[pack]\nlevel = 2", 9),
    ],
)
def test_the_command_line_comes_before_the_environment_before_the_file(
    words: list[str], env: dict[str, str], table: str, level: int
) -> None:
    """And what is for one command before what is for all; also where the command line gives the default."""
    assert _parse("pack", "x", *words, env=env, table=table).level == level


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (command, key)
        for command, key in sorted({(command, key) for command, _, key, _ in _options()})
        if key in settings.OF_TRUST
    ],
)
def test_an_empty_variable_does_not_lift_what_may_be_used(command: str, key: str) -> None:
    """A CI whose secret is missing sets it so: it counts, and ends the command."""
    name = settings.variable(command, key)
    for parser in parsers.every()[command]:
        if key in dict(settings.options_of(parser)):
            with pytest.raises(InvalidSetting) as caught:
                settings.of_command(Source(env={name: ""}), command, parser)
            assert str(caught.value) == f"{name}: it is empty: give its value, or unset it where none is meant"


def test_what_is_given_replaces_what_is_set() -> None:
    """Lists as well; a flag that is false for the command is false, whatever is set for all."""
    table = 'slim = true\nexclude = ["a", "b"]\n[pack]\nslim = false'
    assert (_parse("pack", table=table).slim, _parse("pack", table=table).exclude) == (False, ["a", "b"])
    assert _parse("pack", "--exclude", "c", env={"AIRPACK_EXCLUDE": "d e"}, table=table).exclude == ["c"]
    assert _parse("pack", env={"AIRPACK_EXCLUDE": "d e", "AIRPACK_SLIM": "yes"}, table=table).exclude == ["d", "e"]


def test_a_setting_yields_to_what_excludes_it() -> None:
    """What the command line gives, or what comes first; two of one place are an error."""
    arguments = _parse("pack", "--prefer-newest", env={"AIRPACK_PREFER_BINARY": "1"})
    assert (arguments.prefer_newest, arguments.prefer_binary) == (True, False)
    arguments = _parse("pack", env={"AIRPACK_PREFER_BINARY": "1"}, table="prefer-newest = true")
    assert (arguments.prefer_newest, arguments.prefer_binary) == (False, True)
    assert _parse("pack", "--add-missing", table="no-import = true").no_import is False
    assert _parse("pack", "--no-add-missing", table="no-import = true").no_import is True
    with pytest.raises(InvalidSetting, match=r"not allowed with airpack\.toml: prefer-"):
        _parse("pack", table="prefer-newest = true\nprefer-binary = true")


def test_a_required_option_may_be_set(airpack: Airpack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line needs it no more; a python may be a version there, too."""
    assert _parse("keygen", env={"AIRPACK_KEYGEN_OUTPUT": "team"}).output == Path("team")
    assert _parse("pack", env={"AIRPACK_PACK_PYTHON": "3.10"}).python_named == "3.10"
    monkeypatch.setenv("AIRPACK_KEYGEN_OUTPUT", str(tmp_path / "team"))
    assert airpack("keygen") == 0
    assert (tmp_path / "team.key").exists()


@pytest.mark.parametrize(
    ("env", "text", "error"),
    [
        ({"AIRPACK_LEVEL": "99"}, "", "AIRPACK_LEVEL: '99' is not a level: give a number from 1 to 19"),
        ({"AIRPACK_PACK_SLIM": "maybe"}, "", "AIRPACK_PACK_SLIM: write 1 or 0, not 'maybe'"),
        ({}, "[tool.airpack.pack]\nlevel = [3]", "pyproject.toml: [tool.airpack.pack] level: write a string, not [3]"),
        ({}, "[tool.airpack]\nslim = 'x'", "pyproject.toml: [tool.airpack] slim: write true or false, not 'x'"),
        ({}, "[tool]\nairpack = 3", "pyproject.toml: tool.airpack is not a table: write [tool.airpack]"),
        ({"AIRPACK_CONFIG_FILE": "no.toml"}, "", "no.toml: No such file or directory: correct it, or name another"),
    ],
)
def test_a_value_that_an_option_cannot_have_is_an_error(
    airpack: Airpack, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], text: str, error: str
) -> None:
    """With where it stands; nothing is done."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    if text:
        Path("pyproject.toml").write_text(text)
    assert airpack("pack", "x") == 2
    assert airpack.error.startswith(f"airpack: error: {error}")


def test_a_file_of_settings_that_leads_nowhere_is_an_error(
    airpack: Airpack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may name the key that bundles must be signed with."""
    (tmp_path / "airpack.toml").symlink_to("mount/airpack.toml")
    monkeypatch.chdir(tmp_path)
    assert airpack("config") == 2
    assert airpack.error.startswith("airpack: error: airpack.toml: No such file or directory: correct it, or name ")


def test_what_sets_nothing_is_told_with_the_nearest(airpack: Airpack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables, keys, tables; what the shim reads, and what other commands have, is not."""
    for name in ("AIRPACK_TARGTE", "AIRPACK_PACK_LEVLE", "AIRPACK_BUNDLE", "AIRPACK_LOCK_PRE"):
        monkeypatch.setenv(name, "1")
    Path("pyproject.toml").write_text(
        "[tool.airpack]\ntarge = 'x'\n[tool.airpack.inspect]\nsrot = 'size'\n[tool.airpack.lcok]\npre = true\n"
    )
    assert airpack("inspect", machine.FIXTURES / "golden", "--json") == 0
    assert airpack.err.splitlines() == [
        "warning: AIRPACK_TARGTE sets no option: is it AIRPACK_TARGET?",
        "warning: AIRPACK_PACK_LEVLE sets no option: is it AIRPACK_PACK_LEVEL?",
        "warning: pyproject.toml: [tool.airpack] targe sets no option: is it target?",
        "warning: pyproject.toml: [tool.airpack.inspect] srot is not an option of inspect: is it sort?",
        "warning: pyproject.toml: [tool.airpack] lcok sets no option: is it lock?",
    ]
    assert airpack("inspect", "-q", machine.FIXTURES / "golden") == 0
    assert airpack.err == ""


@pytest.mark.parametrize("quiet", [[], ["-q"]], ids=["told", "quiet"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("AIRPACK_VERIFY_KYE", "x"), ("AIRPACK_VERIFY_DIGST", "x"), ("AIRPACK_VERFY_KEY", "x"), ("AIRPACK_KEY", "x")),
        *(("AIRPACK_TRUST", "team.pub"), ("AIRPACK_VERIFY_X", "sha256:00"), ("AIRPACK_PUBLICKEY", "x")),
        *(
            ("airpack_verify_key", "x"),
            ("Airpack_Verify_Key", "x"),
            ("AIRPAC_VERIFY_KEY", "x"),
            ("AIRPACK-VERIFY-KEY", "x"),
        ),
        *(("AIRPACK_VERIFY_TRUST", "x.pem"), ("AIRPACK_VERIFY_Y", "0a" * 32), ("AIRPACK_BUILD_DIGEST", "x")),
        *(
            ("AIRPACK.VERIFY.DIGEST", "x"),
            ("AIR_PACK_VERIFY_KEY", "x"),
            ("AIRPACK_VERIFY_Z", "-----BEGIN PUBLIC KEY-----"),
        ),
    ],
)
def test_a_misspelt_key_or_digest_ends_a_command(
    airpack: Airpack, monkeypatch: pytest.MonkeyPatch, name: str, value: str, quiet: list[str]
) -> None:
    """By its name, or by what it holds: with a warning alone, any bundle would do."""
    monkeypatch.setenv(name, value)
    assert airpack("verify", machine.FIXTURES / "golden", "--no-import", *quiet) == 1
    assert airpack.error.startswith(f"airpack: error: {name} is set, but nothing reads it")
    assert airpack.error.endswith("correct its name, or unset it")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[verify]\nkye = 'x'", "[verify] kye is not an option of verify: is it key?"),
        ("[verify]\ndigset = 'x'", "[verify] digset is not an option of verify: is it digest?"),
        ("key = 'x'", "key sets no option"),
        ("diggest = 'x'", "diggest sets no option"),
        ("[verfy]\nkey = 'x'", "verfy sets no option: is it verify?"),
        ("[tool.airpack.verify]\nkey = 'x'", "tool sets no option"),
        ("[verify.options]\nkey = 'x'", "[verify] options is not an option of verify"),
        ("[Verify]\nx = ['team.pub']", "Verify sets no option"),
        ("[[verify]]\nkey = 'x'", "verify sets no option"),
        ("verify = 'team.pub'", "verify sets no option"),
        ("[defaults]\nverify = [{key = 'x'}]", "defaults sets no option"),
        *(
            (f"[verify]\n{name} = 'x'", f"[verify] {name} is not an option of verify")
            for name in (
                "public-key",
                "public_key",
                "key-file",
                "verify-key",
                "trusted-key",
                "signed-by",
                "KEY",
                "signature",
            )
        ),
        *(
            (f"[verify]\n{name} = 'x'", f"[verify] {name} is")
            for name in ("sha256", "pin", "fingerprint", "DIGEST", "keys")
        ),
        *(
            (f"[verify]\nx = '{value}'", "[verify] x is not an option of verify")
            for value in ("team.pub", "0a" * 32, f"sha256:{'0a' * 32}", "MCowBQYDK2VwAyEAx")
        ),
    ],
)
def test_a_misspelt_key_or_digest_of_the_file_does_so(airpack: Airpack, text: str, told: str) -> None:
    """A slip in the table's name as well, if it holds one; another table's is a warning."""
    Path("airpack.toml").write_text(text)
    assert airpack("verify", machine.FIXTURES / "golden", "--no-import") == 2
    assert told in airpack.error
    Path("airpack.toml").unlink()
    for heading in (
        "tool.airpack-verify",
        "tool.Airpack.verify",
        "airpack.verify",
        "tool.my-airpack",
        "tool.airpak.verify",
    ):
        Path("pyproject.toml").write_text(f"[{heading}]\npublic-key = 'x'\n")
        assert airpack("verify", "-q", machine.FIXTURES / "golden", "--no-import") == 2
        assert "is none of airpack's tables, and seems to say which bundle may be used" in airpack.error
        Path("pyproject.toml").write_text(f"[{heading}]\nlevel = 'x'\n[tool.other]\npublic-key = 'x'\n")
        assert airpack("inspect", machine.FIXTURES / "golden") == 0
    Path("pyproject.toml").unlink()
    Path("airpack.toml").write_text("[verfy]\nsort = 'x'\n")
    assert airpack("inspect", machine.FIXTURES / "golden") == 0
    assert "verfy sets no option: is it verify?" in airpack.err


def test_a_command_that_is_run_gets_no_settings(airpack: Airpack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shim would take them for misspelt variables of its own, which it gets."""
    for name in ("AIRPACK_JOBS", "AIRPACK_PACK_LEVEL", "AIRPACK_LOG", "AIRPACK_TARGTE"):
        monkeypatch.setenv(name, "1")
    seen = unknown.without_options(os.environ)
    assert {name for name in seen if name.startswith("AIRPACK_")} == {"AIRPACK_LOG", "AIRPACK_TARGTE"}
    monkeypatch.delenv("AIRPACK_TARGTE")
    python = str(machine.python37().path)
    assert airpack("run", machine.FIXTURES / "golden", "--python", python, "--json", "--", "true") == 0
    assert "AIRPACK_JOBS" not in json.loads(airpack.out)["result"]["environment"]


def test_airpack_toml_comes_in_place_of_pyproject(airpack: Airpack, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a file that the environment names in place of both; a pyproject.toml of others is no settings file."""
    Path("pyproject.toml").write_text("[project]\nname = 'x'\n[tool.other]\nairpack = 1\n")
    assert Source.read({}).path is None
    Path("pyproject.toml").write_text("[tool.airpack]\nlevel = 1\n")
    assert Source.read({}).table == {"level": 1}
    Path("airpack.toml").write_text("level = 2\n")
    assert Source.read({}).table == {"level": 2}
    Path("other.toml").write_text("level = 3\n")
    assert Source.read({"AIRPACK_CONFIG_FILE": "other.toml"}).table == {"level": 3}
    assert Source.read({"AIRPACK_CONFIG_FILE": os.devnull}).table == {}
    monkeypatch.setenv("AIRPACK_CONFIG_FILE", "other.toml")
    assert airpack("config") == 0
    assert airpack.out == "file      other.toml\npack --level  3  from other.toml: level\n"


def test_config_shows_each_value_and_its_origin(airpack: Airpack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are set, of one command all; what gives access in a URL is not shown."""
    Path("pyproject.toml").write_text(
        '[tool.airpack]\ntarget = "cp310-ubuntu22.04"\nindex-url = "https://me:secret@index.example/simple"\n'
        '[tool.airpack.pack]\nexclude = ["a", "b"]\nlevel = 19\n'
    )
    monkeypatch.setenv("AIRPACK_LOCK_PRE", "1")
    assert airpack("config", "pack") == 0
    shown = {line.split()[1]: line.split(None, 2)[2] for line in airpack.out.splitlines()[1:]}
    assert shown["--level"].split(None, 1) == ["19", "from pyproject.toml: [tool.airpack.pack] level"]
    assert shown["--target"].split(None, 1) == ["cp310-ubuntu22.04", "from pyproject.toml: [tool.airpack] target"]
    assert shown["--exclude"].startswith("a b  ")
    assert shown["--slim"].split() == ["false", "AIRPACK_PACK_SLIM"]
    assert airpack("config", "--json") == 0
    assert "secret" not in airpack.out
    listed = {(each["command"], each["option"]): each for each in json.loads(airpack.out)["options"]}
    assert listed["lock", "pre"] == {
        "command": "lock",
        "option": "pre",
        "value": "true",
        "origin": "AIRPACK_LOCK_PRE",
        "variable": "AIRPACK_LOCK_PRE",
    }
    assert ("pack", "slim") not in listed
    monkeypatch.setenv("AIRPACK_PACK_RELEASE", "1")
    assert airpack("config", "--json") == 0
    listed = {(each["command"], each["option"]): each for each in json.loads(airpack.out)["options"]}
    assert listed["pack", "release"]["variable"] == "AIRPACK_PACK_RELEASE"
    assert airpack("config", "pakc") == 2


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of one's own, the current one, whose airpack.toml names a program for `verify`."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "airpack.toml").write_text('[verify]\npython = "./py"\n')
    (folder / "py").write_text("#!/bin/sh\ntouch ran\n")
    (folder / "py").chmod(0o755)
    monkeypatch.chdir(folder)
    return folder


def _withheld(airpack: Airpack, place: Path | str) -> list[str]:
    """Return the lines about a program that `verify` of a bundle does not run; it runs none then."""
    assert airpack("verify", place, "--no-python-download") in (0, 1)
    lines = [line for line in airpack.err.splitlines() if "is not run by" in line]
    assert Path("ran").exists() is not bool(lines), airpack.err
    return lines


_RUN = "warning: airpack.toml: [verify] python is not run by verify: the file "
_ALLOW = "; give --python, or AIRPACK_CONFIG_FILE=airpack.toml"


def test_what_is_looked_at_names_no_program(airpack: Airpack, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the folder itself, nor one with the bundle in it; a project with results elsewhere does."""
    assert _withheld(airpack, machine.FIXTURES / "golden" / "bundle.tar.zst") == []
    Path("ran").unlink()
    shutil.copy(machine.FIXTURES / "golden" / "bundle.tar.zst", project)
    for place in (".", "bundle.tar.zst", project / "bundle.tar.zst"):
        assert _withheld(airpack, place) == [f"{_RUN}lies beside what is looked at{_ALLOW}"]
    monkeypatch.setenv("AIRPACK_CONFIG_FILE", "airpack.toml")
    assert _withheld(airpack, "bundle.tar.zst") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's files")
def test_a_strangers_folder_names_no_program(airpack: Airpack, project: Path) -> None:
    """Whatever is looked at: its file, or the folder that it lies in, is another user's."""
    golden = machine.FIXTURES / "golden" / "bundle.tar.zst"
    os.chown(project, 65534, 65534)
    assert _withheld(airpack, golden) == [f"{_RUN}lies in a folder that belongs to another user (65534){_ALLOW}"]
    os.chown("airpack.toml", 65534, 65534)
    assert _withheld(airpack, golden) == [f"{_RUN}belongs to another user (65534){_ALLOW}"]


@pytest.mark.parametrize("opened", ["airpack.toml", ".", ".."])
def test_what_all_may_write_to_names_no_program(airpack: Airpack, project: Path, opened: str) -> None:
    """As in a checkout under a umask of 000: the file, its folder, or one above that in which it could be replaced."""
    place, golden = Path(opened), machine.FIXTURES / "golden" / "bundle.tar.zst"
    mode = place.stat().st_mode & 0o777
    place.chmod(mode | 0o022)
    try:
        (line,) = _withheld(airpack, golden)
        reason = f"others could replace it in {place.resolve()} (mode 0"
        assert line.startswith(
            f"{_RUN}may be what others made of it: {'others can write to it' if place.is_file() else reason}"
        )
        assert line.endswith(_ALLOW)
    finally:
        place.chmod(mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's files")
@pytest.mark.parametrize("name", ["airpack.toml", "pyproject.toml"])
def test_a_file_that_another_user_planted_is_an_error(airpack: Airpack, tmp_path: Path, name: str) -> None:
    """Also as a link, to a file of one's own as well. In a folder of that user, it is as any: a checkout of CI."""
    path = tmp_path / name
    path.write_text("[tool.airpack]\nlevel = 1\n" if name == "pyproject.toml" else "level = 1\n")
    os.chown(path, 65534, 65534)
    problem = "it belongs to the user 65534, who owns neither this process nor the folder"
    error = f"airpack: error: {name}: {problem}: name it with AIRPACK_CONFIG_FILE={name}, or /dev/null for none"
    assert airpack("config") == 2
    assert airpack.error == error
    os.chown(tmp_path, 65534, 65534)
    assert Source.read({}).table == {"level": 1}
    os.chown(tmp_path, 0, 0)
    path.rename("mine")
    os.chown("mine", 0, 0)
    path.symlink_to("mine")
    assert Source.read({}).table == {"level": 1}
    os.lchown(path, 65534, 65534)
    assert airpack("config") == 2
    assert airpack.error == error
    path.unlink()
    path.write_text("[tool.other]\n")
    os.chown(path, 65534, 65534)
    assert name == "airpack.toml" or Source.read({}).path is None
