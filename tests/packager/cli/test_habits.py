"""What people type out of habit: it does what is meant, or one line says what it is called here."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from airpack import __version__
from airpack.base import console
from airpack.cli.app import main
from airpack.cli.screen import Style
from airpack.cli.words import habits, parsers
from airpack.cli.words.elsewhere import (
    ACTIONS_ELSEWHERE,
    COMMANDS_ELSEWHERE,
    NEEDLESS,
    OPTIONS_ELSEWHERE,
    RESOLVING,
    SAME_COMMANDS,
)
from airpack_runtime import layout
from support import machine

GOLDEN = str(machine.FIXTURES / "golden" / layout.BUNDLE_NAME)
DIGEST = "2" * 64


def _ends(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Return the status that a command line ends with, what it prints, and what it says of what is wrong."""
    try:
        status = main(words)
    except SystemExit as ended:  # argparse's own: --help, --version
        status = int(ended.code or 0)
    printed = capsys.readouterr()
    return status, printed.out, printed.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", "--help"),
        ("help", "--help"),
        ("help pack", "pack --help"),
        ("help list", "inspect --help"),
        ("help help", "--help"),
        ("-V", "--version"),
        ("version", "--version"),
        (f"list {GOLDEN}", f"inspect {GOLDEN}"),
        (f"show {GOLDEN}", f"inspect {GOLDEN}"),
        (f"ls {GOLDEN}", f"inspect {GOLDEN}"),
        (f"info --json {GOLDEN}", f"inspect {GOLDEN} --json"),
        (f"-v --no-progress verify --no-import {GOLDEN}", f"verify {GOLDEN} --no-import -v --no-progress"),
        (f"--color always inspect {GOLDEN}", f"inspect {GOLDEN} --color=always"),
        (f"--color=never -vv list {GOLDEN}", f"inspect {GOLDEN} --color never"),
        ("man verify", "verify --help"),
        ("-?", "--help"),
        (f"license {GOLDEN}", f"licenses {GOLDEN}"),
        (f"licences {GOLDEN}", f"licenses {GOLDEN}"),
        ("completions bash", "completion bash"),
        ("targets list", "target list"),
        ("target --list", "target list"),
        ("pythons", "python list"),
        ("config list", "config"),
        ("target", "target show"),
        ("target cp39-manylinux2014_x86_64", "target show cp39-manylinux2014_x86_64"),
        ("-v target --json", "target show --json"),
        ("python --json", "python list --json"),
        (f"verify --no-import -j2 {GOLDEN}", f"verify --no-import --jobs 2 {GOLDEN}"),
    ],
)
def test_what_has_another_name_does_what_is_meant(capsys: pytest.CaptureFixture[str], typed: str, meant: str) -> None:
    """It prints what the command's own spelling prints, and ends as it ends."""
    ended = _ends(capsys, *typed.split())
    assert ended[:2] == _ends(capsys, *meant.split())[:2]
    assert (ended[0], bool(ended[1])) == (0, True)


def test_the_version_and_the_first_steps_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """By `-V`, and by `airpack` alone: within 80 columns, each step a command that exists."""
    assert _ends(capsys, "-V") == (0, f"airpack {__version__}\n", "")
    told = _ends(capsys)[1]
    steps = told.partition("first steps:\n")[2].partition("then, in the image:")[0].splitlines()
    assert [step.split()[1] for step in steps if step] == ["pack", "verify", "shim"]
    assert max(map(len, told.splitlines())) <= 80


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "paged"), [(["help", "verify"], True), (["man", "verify"], True), (["verify", "--help"], False)]
)
def test_help_pages_on_a_terminal(words: list[str], paged: bool) -> None:
    """By the reader's own pager; `--help` prints, as it does everywhere."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "MANPAGER": "sed s/^/page:/", "TERM": "xterm"}
    done = subprocess.run(
        [sys.executable, "-m", "airpack", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=env,
        check=True,
    )
    os.close(theirs)
    text = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.stderr == b""
    assert text.startswith("page:usage: airpack verify" if paged else "usage: airpack verify")


@pytest.mark.parametrize("pager", ["/nonexistent/pager", "false", "exit 3"])
def test_a_broken_pager_loses_no_help(
    pager: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What it can't show is printed."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    with console.paged({"PAGER": pager, "TERM": "xterm"}):
        print("the help")
    assert capfd.readouterr().out == "the help\n"


@pytest.mark.parametrize(
    ("typed", "here"),
    [
        ("install flask", "airpack pack -r requirements.txt -o dist"),
        ("wheel -r requirements.txt", "the wheels are in dist/wheelhouse"),
        ("exec dist -- python", "here it is airpack run DIST -- COMMAND"),
        ("doctor", "here airpack verify DIST checks what was packed"),
        ("unpack dist", "here it is airpack extract DIST -o DIR"),
        ("cache list", "python airpack-runtime.pyz cache list"),
        ("compile requirements.in", "airpack lock -r requirements.txt -o pylock.toml"),
        ("freeze", "airpack inspect DIST lists what was packed"),
        ("why", "airpack tree DIST --invert NAME"),
        ("graph", "airpack tree DIST; airpack report DIST draws it"),
        ("add flask", "then airpack pack -r requirements.txt -o dist"),
        ("check dist", "airpack audit DIST"),
        ("login registry.example", "podman login, or docker login"),
        ("veryfi dist", "(is it verify?)"),
        ("hlep", "(is it help?)"),
        ("download -r requirements.txt -d dist", "what pip downloads is packed by airpack pack"),
        ("download flask --platform any", "what pip downloads is packed by airpack pack"),
        ("pack flask --target dist", "the folder of the results is -o dist"),
        ("pack flask -t dist", "the folder of the results is -o DIR, and the image is --target NAME"),
        ("pack -d dist flask", "the folder of the results is -o DIR"),
        ("pack flask --platform manylinux2014_x86_64", "one name: --target cp310-manylinux_2_28_x86_64"),
        ("lock flask --abi=cp39", "one name: --target cp310-manylinux_2_28_x86_64"),
        ("pack -w wheels flask", "the wheels are in DIR/wheelhouse"),
        ("pack flask --default-index https://index.example", "the index in place of PyPI is -i URL"),
        ("pack --frozen", "airpack pack --lock pylock.toml"),
        ("pack flask --no-compile", "bytecode is left out by --no-bytecode"),
        ("lock flask --prerelease allow", "pre-releases are taken with --pre"),
        ("lock flask --output-file pylock.toml", "the file is -o FILE"),
        ("pack requirements.txt", "write -r requirements.txt"),
        ("pack flask --levle 3", "(is it --level?)"),
        ("inspect dist --josn", "(is it --json?)"),
        ("target shwo", "target 'shwo' is not understood"),
        ("push dist registry.example/app -t 1.4", "REGISTRY/REPOSITORY:TAG"),
        ("pip install flask", "leave that word out"),
        ("uv pip compile requirements.in", "pip's options are airpack's as well"),
        ("-r requirements.txt", "the command comes first: airpack COMMAND -r ..."),
        ("pex -r requirements.txt -o app.pex", "the one file is dist/bundle.tar.zst, which the shim boots"),
        ("shiv -c app -o app.pyz", "airpack shim -o airpack-runtime.pyz"),
        ("conda-pack -n env", "the one file is dist/bundle.tar.zst"),
        ("create -n env python=3.10", "airpack run DIST -- COMMAND"),
        ("shell", "airpack makes no environment"),
        ("x ruff", "airpack run DIST -- COMMAND"),
        ("search flask", "search there"),
        ("outdated", "airpack lock -r requirements.txt -o pylock.toml -U --dry-run"),
        ("remove flask", "leave the requirement out, and pack again"),
        ("publish dist", "airpack push DIST REGISTRY/REPOSITORY:TAG, or airpack upload DIST URL"),
        ("images", "podman images lists this machine's"),
        ("save dist", "airpack oci DIST -o LAYOUT"),
        ("tag dist app:1", "airpack push DIST REGISTRY/REPOSITORY:TAG"),
        ("docker push dist", "airpack push and airpack pull ask registries themselves"),
        ("logout", "podman logout"),
        ("scan dist", "airpack sbom DIST -o sbom.json"),
        ("digest dist", "airpack inspect DIST tells the digest"),
        ("serve dist", "airpack index DIST -o simple"),
        ("clean", "python airpack-runtime.pyz cache prune"),
        ("platforms", "airpack target list"),
        ("config set level 3", "[tool.airpack]"),
        ("python pin 3.10", "--target cp310-manylinux_2_28_x86_64"),
        ("pack flask --index https://index.example", "one besides it is --extra-index-url URL"),
        ("pack --only main", "groups are left out unless --group names them"),
        ("pack --with dev", "a group is named: --group dev"),
        ("pack flask -E async", "each extra is named: --extra NAME"),
        ("pack flask --console-script flask", "python airpack-runtime.pyz exec -- COMMAND"),
        ("pack flask --no-build", "--only-binary :all:"),
        ("pack flask --offline", "--no-index"),
        ("pack flask --no-cache-dir", "XDG_CACHE_HOME"),
        ("pack flask --name web", "an image gets its name by airpack push"),
        ("pack flask --format zip", "a bundle is always bundle.tar.zst"),
        ("lock flask --universal", "airpack pack-all packs for several"),
        ("wheelhouse flask --dest wheels", "the folder of the results is -o DIR"),
        ("tree dist --reverse six", "--invert NAME"),
        ("inspect dist --format json", "JSON is --json"),
        ("licenses dist --fail-on GPL-3.0-only", "--deny SPDX"),
        ("run --rm -it dist -- python", "airpack run starts no container"),
        ("extract dist -C out", "the folder is -o DIR"),
        ("sign dist -k team.key", "the key is --key FILE"),
        ("audit -r requirements.txt", "airpack audit DIST"),
        ("pack flask --debug", "-v shows more"),
        (
            "cache dir",
            "the one of the image is a command of the shim, in the image: python airpack-runtime.pyz cache list",
        ),
        ("target show --target cp310-ubuntu22.04", "the target is an argument: airpack target show NAME"),
        ("target list -o json", "it is printed; JSON is --json"),
        ("push dist localhost:9/x --tls-verify=false", "a registry without TLS is asked with --plain-http"),
        ("pull localhost:9/x -o got --insecure", "a registry without TLS is asked with --plain-http"),
        ("push -a dist localhost:9/x", "each image is pushed by its name: REGISTRY/REPOSITORY:TAG"),
        ("push dist localhost:9/x --creds me:secret", "log in with podman login or docker login"),
        ("run dist --entrypoint sh -- app", "airpack run starts no container"),
        ("inspect dist -o json", "it is printed; JSON is --json"),
        ("show -f dist", "the files are listed by --files"),
        ("tree dist --depth 1", "all of it is shown; --invert NAME shows why one is there"),
        ("tree dist -p six", "why a package is there is --invert NAME"),
        ("verify dist --sha256 00", "the digest is --digest sha256:..."),
        ("verify dist --certificate-identity me", "the key is --key NAME.pub"),
        ("sign dist --key team.key --output x.sig", "it is written beside the bundle, as bundle.tar.zst.sig"),
        ("keygen -t ed25519 -o team", "a key is Ed25519, and its files are -o NAME"),
        ("upload dist s3://bucket --profile team", "each store's own variables say so"),
        ("diff old new --stat", "each package is a line; --json has more"),
        ("config --global", "there is one file, airpack.toml or pyproject.toml"),
        ("python list --only-installed", "all that it lists are installed"),
        ("lock six --no-emit-index-url", "a lock is a pylock.toml (PEP 751), which has nothing of that"),
        ("--install-completion", "airpack completion bash, zsh or fish prints it"),
        ("pack flask -o app.pex", "'app.pex' is to be a folder: the one file in it is bundle.tar.zst"),
    ],
)
def test_what_is_done_otherwise_here_is_told_in_a_line(
    capsys: pytest.CaptureFixture[str], typed: str, here: str
) -> None:
    """With what to type instead; the status is that of a wrong command line."""
    status, printed, told = _ends(capsys, *typed.split())
    assert (status, printed) == (2, "")
    message = told.splitlines()[-1]
    assert message.startswith("airpack: error: ")
    assert here in message


@pytest.mark.parametrize(
    ("words", "means"),
    [
        ("one -o out two --level 3 three", "-o out --level 3 one two three"),
        ("one -j4 two --lev=3 -- -three", "-j4 --lev=3 one two -- -three"),
        ("-r - one --out out two -q", "-r - --out out -q one two"),
        ("one --frobnicate two", "--frobnicate one two"),
    ],
)
def test_arguments_may_stand_between_options(words: str, means: str) -> None:
    """As pip takes them; argparse alone takes several arguments only in one place."""
    command = parsers.build(["pack"])[1].choices["pack"]
    assert habits.arguments_last(words.split(), command._actions) == means.split()


def test_what_changes_nothing_is_taken_with_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    """The command goes on, here to its own error."""
    status, _, told = _ends(capsys, "pack", "--no-input", "--disable-pip-version-check")
    assert status == 2
    assert [line for line in told.splitlines() if not line.startswith("target ")] == [
        "note: --no-input changes nothing here: airpack asks no questions",
        "note: --disable-pip-version-check changes nothing here: airpack never looks for a newer pip",
        "airpack: error: nothing to pack: name requirements, or a file with -r",
    ]


@pytest.mark.parametrize("word", sorted({*NEEDLESS} - {"-U", "--upgrade"}))
def test_what_changes_nothing_is_no_option_here(word: str) -> None:
    """And each command that resolves takes it with a note of its own."""
    for command in RESOLVING.split():
        known = [
            each for action in parsers.build([command])[1].choices[command]._actions for each in action.option_strings
        ]
        assert word not in known
        left, notes = habits.without_needless(command, ["flask", word], known)
        assert (left, [note.split()[1] for note in notes]) == (["flask"], [word])


def test_what_a_command_is_called_here_exists() -> None:
    """Each `airpack COMMAND` in what is told is a command, and no word of another tool's is one of airpack's."""
    told = [*COMMANDS_ELSEWHERE.values(), *ACTIONS_ELSEWHERE.values(), *(each.here for each in OPTIONS_ELSEWHERE)]
    named = re.findall(r"airpack ([a-z][a-z-]+) (?=[A-Z]|-|list|install|remove|pack)", " ".join(told))
    assert {*named} <= {*parsers.COMMANDS, "help"}
    assert not {*COMMANDS_ELSEWHERE, *SAME_COMMANDS} & {*parsers.COMMANDS}


def test_what_stands_after_two_dashes_is_not_airpacks(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """No habit is looked for in the user's own command."""
    told = _ends(capsys, "run", "--frobnicate", str(tmp_path), "--", "pip", "-t", "x")[2]
    assert "unrecognized arguments: --frobnicate; see airpack run --help" in told
    assert "-o DIR" not in told


@pytest.mark.parametrize(
    ("env", "colour", "on"),
    [
        ({}, "auto", False),
        ({}, "always", True),
        ({"NO_COLOR": "1"}, "always", True),
        ({"FORCE_COLOR": "1"}, "auto", True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, "auto", False),
        ({"FORCE_COLOR": ""}, "auto", False),
        ({"FORCE_COLOR": "1"}, "never", False),
    ],
)
def test_colours_are_as_asked_for(env: dict[str, str], colour: str, on: bool) -> None:
    """The option decides; else NO_COLOR, then FORCE_COLOR, and else whether there is a terminal, which is not here."""
    assert (Style(env, colour).bold("word") != "word") is on


@pytest.mark.parametrize(
    "command", ["inspect", "cat", "extract", "tree", "report", "sbom", "push", "upload", "run", "audit", "verify"]
)
def test_another_bundle_than_the_pinned_one_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str
) -> None:
    """By each command that reads one, before it does anything with it."""
    more = {
        "cat": ["beta/data.txt"],
        "extract": ["-o", str(tmp_path / "out")],
        "push": ["127.0.0.1:9/x"],
        "report": ["-o", str(tmp_path / "report.html")],
        "upload": [f"file://{tmp_path}/store"],
        "run": ["--", "true"],
        "verify": ["--no-import"],
    }.get(command, [])
    place = str(Path(GOLDEN).parent) if command == "audit" else GOLDEN
    status, printed, told = _ends(capsys, command, place, "--digest", DIGEST, *more)
    assert status == 1
    assert f"not sha256:{DIGEST}: it is another bundle: don't use it" in printed + told
    assert not [*tmp_path.iterdir()]


def test_a_bundle_must_be_signed_with_the_key_that_is_asked_for(
    capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    """Another key is refused before a byte of the bundle is written; its own is accepted."""
    assert main(["keygen", "-q", "-o", str(tmp_path / "other")]) == 0
    assert main(["cat", GOLDEN, "beta/data.txt", "--key", str(tmp_path / "other.pub")]) == 1
    printed, told = capfdbinary.readouterr()
    assert (printed, told.endswith(b", which is asked for\n")) == (b"", True)
    assert main(["cat", GOLDEN, "beta/data.txt", "--key", str(machine.FIXTURES / "golden" / "key.pub")]) == 0
    assert capfdbinary.readouterr()[0]


def test_run_parses_its_options_up_to_two_dashes(capsys: pytest.CaptureFixture[str]) -> None:
    """Also those that stand after the bundle; without them, the words are the command's."""
    status, _, told = _ends(capsys, "run", GOLDEN, "--digest", DIGEST, "--", "python", "--", "x")
    assert (status, "it is another bundle" in told) == (1, True)
    status, _, told = _ends(capsys, "run", GOLDEN, "--diggest", DIGEST, "--", "python")
    assert (status, "(is it --digest?)" in told) == (2, True)
