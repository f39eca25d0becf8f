"""`airpack pack` with bad input: a message of one line, a status that is not 0, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.airpack import Airpack
from support.index import Index
from support.machine import lacking
from support.sdists import build_sdist
from support.wheels import build_wheel

_NO_ERRORS = (
    "target ",
    "building ",
    "resolve ",
    "fetch ",
    "install ",
    "compress ",
    "note: no Python 3.7 was found",
)
OTHER_PYTHON = "cp311-cp311-manylinux_2_17_x86_64"


@pytest.fixture(autouse=True)
def nothing_left_behind(airpack: Airpack, wheels: Path) -> Iterator[None]:
    """Every test here ends with no results, and a message of one line."""
    yield
    assert not airpack.output.exists()
    errors = [line for line in airpack.err.splitlines() if not line.startswith(_NO_ERRORS)]
    assert len(errors) == 1, airpack.err


def test_a_distribution_that_does_not_exist(airpack: Airpack) -> None:
    """The name is the likely mistake."""
    assert airpack.pack("no-such-thing") == 1
    assert airpack.error == (
        "airpack: error: no-such-thing: no such distribution was found: "
        "check its name, or say where it is with --index-url or --find-links"
    )


@pytest.mark.slow
def test_a_version_that_does_not_exist(airpack: Airpack, wheels: Path) -> None:
    """Those that there are, are named."""
    build_wheel(wheels, "one", "1.5")
    assert airpack.pack("one>2") == 1
    assert airpack.error == (
        "airpack: error: one>2: no such version; the only one is 1.5: require that, or name the index that has it with "
        "--extra-index-url"
    )


def test_no_version_for_the_targets_python(airpack: Airpack, index: Index, wheels: Path) -> None:
    """The metadata's Requires-Python is shown, and what could be had instead."""
    build_wheel(wheels, "one", "1.0")
    build_wheel(wheels, "one", "2.0", tag=OTHER_PYTHON)
    assert airpack.pack("one==2.0") == 1
    assert airpack.error == (
        "airpack: error: one==2.0: version 2.0 has no wheel for the target, only for "
        "Python 3.11; the newest that the target can use is 1.0: require that, or give a wheel of it for the target "
        "with --find-links"
    )


@pytest.mark.usefixtures("target_python")
@pytest.mark.slow
def test_only_an_sdist(airpack: Airpack, wheels: Path) -> None:
    """The sdist is named with who requires it."""
    build_wheel(wheels, "one", requires=["two==1.0"])
    build_sdist(wheels, "two", backend="raise SystemExit('no compiler here')")
    assert airpack.pack("one") == 1
    assert airpack.error == (
        "airpack: error: two 1.0 (required by one) has no wheel for the target and can't be built from its source: "
        "no compiler here; -v shows all of it"
    )


@pytest.mark.slow
def test_only_an_sdist_where_none_may_be_built(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """With pip's own option, in a requirements file or the environment."""
    build_wheel(wheels, "one", requires=["two==1.0"])
    build_sdist(wheels, "two")
    (tmp_path / "requirements.txt").write_text("--only-binary :all:\none\n")
    assert airpack.pack("-r", tmp_path / "requirements.txt") == 1
    assert airpack.error == (
        f"airpack: error: two==1.0 (required by one 1.0, line 2 of {tmp_path / 'requirements.txt'}): "
        "version 1.0 has no wheel, only an sdist, and --only-binary forbids building it: give --no-binary two after it"
    )


@pytest.mark.slow
def test_a_conflict_names_both_sides(airpack: Airpack, wheels: Path) -> None:
    """And who requires what."""
    build_wheel(wheels, "one", requires=["common<2"])
    build_wheel(wheels, "two", requires=["common>=2"])
    build_wheel(wheels, "common", "1.0")
    build_wheel(wheels, "common", "2.0")
    assert airpack.pack("one", "two") == 1
    assert airpack.error == (
        "airpack: error: these requirements conflict: one 1.0 requires common<2; two 1.0 requires common>=2: "
        "loosen or drop one of them"
    )


def test_a_conflict_with_a_constraint(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """The constraint is one of the sides."""
    build_wheel(wheels, "one", "1.0")
    build_wheel(wheels, "one", "2.0")
    (tmp_path / "constraints.txt").write_text("one<2\n")
    assert airpack.pack("one==2.0", "-c", tmp_path / "constraints.txt") == 1
    assert airpack.error == (
        "airpack: error: these requirements conflict: you asked for one==2.0; a constraint requires one<2 "
        f"(line 1 of {tmp_path / 'constraints.txt'}): loosen or drop one of them"
    )


def test_a_conflict_with_constraints_from_a_pipe(airpack: Airpack, wheels: Path) -> None:
    """They hold, and are named as the user named them."""
    build_wheel(wheels, "one", "1.0")
    build_wheel(wheels, "one", "2.0")
    reading, writing = os.pipe()
    os.write(writing, b"one<2\n")
    os.close(writing)
    assert airpack.pack("one==2.0", "-c", f"/dev/fd/{reading}") == 1
    os.close(reading)
    assert airpack.error == (
        "airpack: error: these requirements conflict: you asked for one==2.0; a constraint requires one<2 "
        f"(line 1 of /dev/fd/{reading}): loosen or drop one of them"
    )


def test_a_malformed_requirement_in_a_file(airpack: Airpack, tmp_path: Path) -> None:
    """File and line are named."""
    file = tmp_path / "requirements.txt"
    file.write_text("one\ntwo=>1\n")
    assert airpack.pack("-r", file) == 1
    assert airpack.error == (f"airpack: error: 'two=>1' is not a requirement, line 2 of {file}: write two>=1")


def test_a_malformed_requirement_on_the_command_line(airpack: Airpack) -> None:
    """The word is shown as it was read."""
    assert airpack.pack("two=>1") == 1
    assert airpack.error == "airpack: error: 'two=>1' is not a requirement: write two>=1"


def test_a_requirements_file_that_is_missing(airpack: Airpack, tmp_path: Path) -> None:
    """With the system's reason."""
    assert airpack.pack("-r", tmp_path / "none.txt") == 1
    assert airpack.error == (
        f"airpack: error: requirements file {tmp_path}/none.txt can't be read: No such file or directory"
    )


def test_nothing_to_pack(airpack: Airpack) -> None:
    """A usage error."""
    assert airpack.pack() == 2
    assert airpack.error == "airpack: error: nothing to pack: name requirements, or a file with -r"


def test_a_hash_in_the_requirements_that_does_not_match(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """Both hashes are shown."""
    build_wheel(wheels, "one")
    file = tmp_path / "requirements.txt"
    file.write_text(f"one==1.0 --hash=sha256:{'0' * 64}\n")
    assert airpack.pack("-r", file) == 1
    assert "one==1.0 has SHA-256 " in airpack.error
    assert f"but {'0' * 64} was expected" in airpack.error


def test_a_file_that_is_not_what_the_index_promised(airpack: Airpack, index: Index, wheels: Path) -> None:
    """What arrives is hashed, whatever the index says of it."""
    build_wheel(wheels, "one")
    index.wrong_hash = True
    assert airpack("pack", "-o", airpack.output, "--index-url", index.url, "one") == 1
    assert f"but {'0' * 64} was expected: the file was changed or damaged" in airpack.error


def test_an_index_that_cannot_be_reached(airpack: Airpack) -> None:
    """It is not mistaken for a distribution that doesn't exist."""
    assert airpack("pack", "-o", airpack.output, "--index-url", "http://127.0.0.1:9/simple", "one") == 1
    assert airpack.error == (
        "airpack: error: http://127.0.0.1:9/simple/one/ can't be read: Connection refused: "
        "check the URL, the network, the proxy and the credentials"
    )


def test_a_file_server_that_fails(airpack: Airpack, index: Index, wheels: Path) -> None:
    """The URL and the status are shown."""
    build_wheel(wheels, "one")
    index.status = 500
    assert airpack("pack", "-o", airpack.output, "--index-url", index.url, "one") == 1
    url = f"{index.url.removesuffix('simple')}files/one-1.0-py3-none-any.whl"
    assert airpack.error == (
        f"airpack: error: {url} can't be downloaded: too many 500 error responses: "
        "the server failed: try again later, or name another index"
    )


def test_a_target_that_is_none(airpack: Airpack) -> None:
    """A usage error with an example."""
    assert airpack.pack("one", "--target", "py37-") == 2
    assert "write cpXY-PLATFORM, such as cp37-manylinux_2_27_x86_64" in airpack.error


def test_an_interpreter_of_another_version(airpack: Airpack) -> None:
    """Bytecode of another Python would be useless in the image."""
    assert airpack.pack("one", "--python", sys.executable) == 1
    assert airpack.error.endswith("but cp37-manylinux_2_27_x86_64 needs 3.7")


@pytest.mark.slow
def test_a_decoder_that_is_not_the_pinned_one(airpack: Airpack, wheels: Path) -> None:
    """What the image will execute is pinned by hash."""
    other = build_wheel(wheels, "pyzstd", "0.15.10")
    assert (
        airpack("pack", "-o", airpack.output, "--no-index", "--find-links", wheels, "--decoder", other, "pyzstd") == 1
    )
    needed = "with a15a3ef14cb929b07e0a98639f2ebcd69a0038d6e31367157018ec841a54d8fa: download that one"
    assert airpack.error.endswith(needed)


@pytest.mark.slow
def test_an_index_without_the_decoder(airpack: Airpack, wheels: Path) -> None:
    """The way around it is told."""
    build_wheel(wheels, "one")
    assert airpack("pack", "-o", airpack.output, "--no-index", "--find-links", wheels, "one") == 1
    assert "the bundle's zstd decoder can't be downloaded (pyzstd==0.15.10" in airpack.error
    assert airpack.error.endswith("give it with --decoder")


@pytest.mark.slow
def test_a_damaged_wheel(airpack: Airpack, wheels: Path) -> None:
    """The wheel is named."""
    path = build_wheel(wheels, "one", files={"one.py": "x = 1\n" * 1000})
    data = bytearray(path.read_bytes())
    data[60] ^= 255
    path.write_bytes(data)
    assert airpack.pack("one") == 1
    assert airpack.error == "airpack: error: one-1.0-py3-none-any.whl: is damaged: Bad CRC-32 for file 'one.py'"


@pytest.mark.slow
def test_a_file_that_is_a_folder_in_another_wheel(airpack: Airpack, wheels: Path) -> None:
    """Both wheels are named."""
    build_wheel(wheels, "one", files={"common": "x"})
    build_wheel(wheels, "two", files={"common/inner.txt": "x"})
    assert airpack.pack("one", "two") == 1
    assert airpack.error == (
        "airpack: error: one-1.0-py3-none-any.whl: has a file lib/python3.7/site-packages/common, "
        "which is a folder in two-1.0-py3-none-any.whl"
    )


@pytest.mark.slow
def test_requirements_that_the_target_rules_out(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """An empty bundle is nobody's wish; a file that requires nothing is named."""
    (tmp_path / "empty.txt").write_text("# later\n")
    assert airpack.pack("-r", tmp_path / "empty.txt") == 1
    assert airpack.error == f"airpack: error: nothing is required in {tmp_path}/empty.txt"
    build_wheel(wheels, "one")
    assert airpack.pack("one; python_version >= '3.8'") == 1
    assert "nothing is left to pack: the target's markers rule out all requirements" in airpack.error


def test_a_requirements_file_without_r(airpack: Airpack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The likely mistake is told."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "requirements.txt").write_text("one\n")
    assert airpack.pack("requirements.txt") == 2
    assert airpack.error == "airpack: error: requirements.txt names a file: write -r requirements.txt"


def test_a_folder_that_does_not_exist(airpack: Airpack) -> None:
    """It is not taken for a malformed requirement."""
    assert airpack.pack("./nowhere") == 2
    assert airpack.error.startswith("airpack: error: ./nowhere does not exist: ")


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small file system")
@pytest.mark.parametrize("kilobytes", [64, 1024, 4096])
def test_a_full_disk(airpack: Airpack, wheels: Path, tmp_path: Path, kilobytes: int) -> None:
    """Whichever stage meets it: one line, and the disk as it was."""
    build_wheel(wheels, "one", files={f"one/{number}.bin": os.urandom(50_000) for number in range(60)})
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", disk], check=False)
    if mounted.returncode:
        lacking("the right to mount a tmpfs", "run the tests as root outside a container")
    try:
        airpack.output = disk / "dist"
        assert airpack.pack("one") == 1
        assert "No space left on device" in airpack.error
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stage", ["target", "resolve", "fetch", "install", "compress"])
def test_an_interrupt_at_any_stage(
    airpack: Airpack, wheels: Path, decoder_wheel: Path, signal_number: int, stage: str
) -> None:
    """Ctrl-C, or a CI system that cancels, right after a stage has been told: status 130, and nothing is left."""
    for number in range(8):
        files = {f"p{number}/m{each}.py": f"X = {os.urandom(2000)!r}\n" for each in range(60)}
        build_wheel(wheels, f"p{number}", files=files, requires=[f"p{number + 1}"] if number < 7 else [])
    words: list[str | Path] = ["pack", "-o", airpack.output, "--no-index", "--find-links", wheels]
    words += ["--decoder", decoder_wheel, "--level", "19", "p0"]
    with subprocess.Popen([sys.executable, "-m", "airpack", *words], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(stage):
                break
        process.send_signal(signal_number)
        airpack.err = process.stderr.read()
        assert (process.wait(timeout=60), airpack.error) == (130, "airpack: error: interrupted; nothing was changed")
