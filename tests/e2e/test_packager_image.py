"""`fixtures/ci/Containerfile`: airpack in a container, built on a base of the user's own, packs."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from airpack import __version__
from airpack.cli.app import main
from support import fresh_root, machine
from support.engine import Engine
from support.wheels import build_wheel

pytestmark = [pytest.mark.network, pytest.mark.slow]
IMAGE = "localhost/airpack:test"
CONTAINERFILE = machine.FIXTURES / "ci" / "Containerfile"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Return podman with the image, built on Debian's root with Python and venv, from this machine's index."""
    with tempfile.TemporaryDirectory(prefix="airpack-") as name:  # podman takes no long path
        made = Engine.make(Path(name))
        made.image("localhost/base:1", fresh_root.make())
        settings = Path(name, "pip.conf")
        settings.write_text(
            "".join(["[global]\n", *(f"{key} = {value}\n" for key, value in fresh_root.index().items())])
        )
        line = ["build", "--quiet", "--layers=false", "--file", str(CONTAINERFILE), "--tag", IMAGE, *_network()]
        line += ["--build-arg", "BASE=localhost/base:1", "--build-arg", "EXTRAS=oci,python"]
        made.podman([*line, "--secret", f"id=pip.conf,src={settings}", str(machine.ROOT)])
        yield made
        made.clear()


def _network() -> list[str]:
    """Return the options that give a container this machine's network with its certificates."""
    certificates = Path(fresh_root.CERTIFICATES)
    given = [f"--volume={certificates.resolve()}:{certificates}:ro"] if certificates.exists() else []
    return ["--network", "host", *given]


def test_the_container_packs(engine: Engine) -> None:
    """As the user 1000, with nothing writable but what it is given; it keeps what it fetched."""
    assert engine.podman(["run", "--rm", "--network", "none", IMAGE, "--version"]) == f"airpack {__version__}\n"
    assert "first steps:" in engine.podman(["run", "--rm", "--network", "none", IMAGE])
    work, cache = engine.folder / "work", engine.folder / "cache"
    for folder in (work, cache):
        folder.mkdir()
        shutil.chown(folder, 1000, 1000)
    (work / "requirements.txt").write_text("six==1.16.0\n")
    variables = [word for name, value in fresh_root.network().items() for word in ("--env", f"{name}={value}")]
    line = ["run", "--rm", "--read-only", *_network(), *variables, "-v", f"{work}:/work", "-v", f"{cache}:/cache"]
    engine.podman([*line, IMAGE, "pack", "-r", "requirements.txt", "--target", "cp311-debian12"])
    assert "six" in (work / "dist" / "imports.json").read_text()  # the base's Python 3.11 has imported it
    assert (work / "dist" / "bundle.tar.zst").stat().st_uid == 1000
    assert list(cache.iterdir())


def test_the_image_holds_neither_the_source_nor_the_index(engine: Engine) -> None:
    """The source is of the stage that built, the index and its password are a secret of the build."""
    found = ["run", "--rm", "--network", "none", "--entrypoint", "/bin/ls", IMAGE, "-A", "/etc", "/work", "/cache", "/"]
    names = engine.podman(found).split()
    assert not {"src", "pip.conf"} & {*names}


def test_a_program_and_its_bundle_make_an_image(engine: Engine, tmp_path: Path) -> None:
    """By the pages' container file, without a network: what was packed for the base is found by the program."""
    build_wheel(tmp_path / "wheels", "alpha")
    (tmp_path / "app.py").write_text("import alpha, os; print(alpha.__file__, os.getuid())\n")
    pack = ["pack", "-q", "alpha", "--no-index", "--find-links", str(tmp_path / "wheels"), "--target", "cp311-debian12"]
    assert main([*pack, "--no-import", "-o", str(tmp_path / "dist")]) == 0
    assert main(["shim", "-q", "-o", str(tmp_path / "airpack-runtime.pyz")]) == 0
    line = ["build", "--quiet", "--layers=false", "--network", "none", "--build-arg", "BASE=localhost/base:1"]
    engine.podman(
        [*line, "--file", str(CONTAINERFILE.with_name("app.Containerfile")), "-t", "localhost/app", str(tmp_path)]
    )
    printed = engine.podman(["run", "--rm", "--read-only", "--cap-drop", "all", "--network", "none", "localhost/app"])
    assert re.fullmatch(r"\S+/site-packages/alpha\.py 1000\n", printed), printed
