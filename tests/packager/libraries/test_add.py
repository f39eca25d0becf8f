"""`pack --with-library`: libraries of the system in a bundle, found, checked, and loaded before what needs them."""

from __future__ import annotations

import io
import lzma
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from airpack.base import zstd
from airpack.base.errors import UsageError
from airpack.bundle.opened import OpenBundle
from airpack.libraries import add
from airpack.target import prefix
from airpack.target.target import Target
from airpack.tree.exclusion import Excluded
from airpack.tree.install import Tree
from support import machine
from support.airpack import Airpack
from support.wheels import build_wheel

from .conftest import Compile

pytestmark = pytest.mark.usefixtures("target_python")
# What is compiled here needs this machine's glibc, and what is in these wheels goes by the profile alone.


@pytest.fixture
def chain(compiled: Compile, wheels: Path) -> Mapping[str, Path]:
    """Build a wheel `one` whose library needs libzzb.so.1, which needs libzza.so.1; return those two by name."""
    first = compiled("libzza.so.1", "int a(void) { return 40; }")
    second = compiled("libzzb.so.1", "int a(void); int b(void) { return a() + 1; }", first)
    third = compiled("libown.so", "int b(void); int c(void) { return b() + 1; }", second)
    code = "import ctypes, os\nVALUE = ctypes.CDLL(os.path.join(os.path.dirname(__file__), 'libown.so')).c()\n"
    files: dict[str, str | bytes] = {"one/__init__.py": code, "one/libown.so": third.read_bytes()}
    build_wheel(wheels, "one", files=files)
    return {path.name: path for path in (first, second)}


@pytest.fixture
def profile(airpack: Airpack, tmp_path: Path) -> Path:
    """Return the profile of this machine's Python 3.7."""
    assert airpack("shim", "-o", tmp_path / "shim.pyz") == 0
    done = machine.run([str(machine.python37().path), str(tmp_path / "shim.pyz"), "probe"])
    (tmp_path / "image.json").write_text(done.stdout)
    return tmp_path / "image.json"


def _value(airpack: Airpack, tmp_path: Path) -> str:
    """Return what the bundle's `one` works out, in an environment that tells the loader nothing."""
    line = [str(machine.python37().path), str(tmp_path / "shim.pyz"), "exec", "--bundle"]
    line += [f"{airpack.output}/bundle.tar.zst", "--", "python", "-c", "import one; print(one.VALUE)"]
    env = {"PATH": os.environ["PATH"], "AIRPACK_CACHE_DIR": str(tmp_path / "cache"), "AIRPACK_LOG": "off"}
    done = subprocess.run(line, env=env, capture_output=True, text=True, check=False)
    return done.stdout or done.stderr


def _deb(path: Path, content: Mapping[str, bytes], kind: str) -> Path:
    """Write a Debian package of these files, whose tar is compressed in a way that Debian or Ubuntu knows."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, text in content.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
        link = tarfile.TarInfo("./usr/lib/liblink.so.1")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    packed = lzma.compress(data.getvalue()) if kind == "xz" else zstd.compress(data.getvalue(), 3)
    path.parent.mkdir(exist_ok=True)
    with open(path, "wb") as file:
        file.write(b"!<arch>\n")
        for name, text in (("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), (f"data.tar.{kind}", packed)):
            file.write(
                f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(text):<10}`\n".encode() + text + b"\n" * (len(text) % 2)
            )
    return path


@pytest.mark.slow
def test_a_library_by_its_path_is_loaded_before_what_needs_it(
    airpack: Airpack, chain: Mapping[str, Path], profile: Path, tmp_path: Path
) -> None:
    """Each after those that it needs; without it the audit tells, and the proof by import fails."""
    assert airpack.pack("one", "--target", profile) == 0
    assert "warning: one 1.0 needs libzzb.so.1 for lib/python3.7/site-packages/one/libown.so" in airpack.err
    assert "add it to the image, or pack it --with-library libzzb.so.1" in airpack.err
    assert "import one fails here: OSError: libzzb.so.1: cannot open shared object file" in airpack.err
    assert "libzzb.so.1: cannot open shared object file" in _value(airpack, tmp_path)
    given = [word for path in chain.values() for word in ("--with-library", path)]
    assert airpack.pack("one", "--target", profile, "--strict", *given) == 0, airpack.err
    assert f"library   libzza.so.1, from {chain['libzza.so.1']}" in airpack.err
    assert _value(airpack, tmp_path) == "42\n"
    digest = airpack.out.partition("digest")[2].split()[0]
    assert airpack.pack("one", "--target", profile, "--strict", *given) == 0
    assert digest in airpack.out


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["xz", "zst"])
def test_of_a_debian_package_what_is_needed_is_taken(
    airpack: Airpack, chain: Mapping[str, Path], profile: Path, tmp_path: Path, kind: str
) -> None:
    """With what that needs, from another package; the rest stays out, the copyright comes along, links do not."""
    libraries = {name: path.read_bytes() for name, path in chain.items()}
    second = {"usr/lib/libzzb.so.1.0": libraries["libzzb.so.1"], "usr/share/doc/libzzb/copyright": b"Free."}
    packages = [
        _deb(tmp_path / "debs" / "libzzb_1.deb", {**second, "usr/lib/libodd.so.1": b"INPUT(x)"}, kind),
        _deb(tmp_path / "debs" / "libzza_1.deb", {"usr/lib/libzza.so.1": libraries["libzza.so.1"]}, kind),
    ]
    given = [word for path in packages for word in ("--with-library", path)]
    assert airpack.pack("one", "--target", profile, "--strict", *given, "--sbom") == 0, airpack.err
    assert "library   libzzb.so.1, from libzzb_1.deb" in airpack.err
    assert _value(airpack, tmp_path) == "42\n"
    with OpenBundle.at(airpack.output / "bundle.tar.zst") as opened:
        paths = {prefix.shortened(path).rpartition("dist-info/")[2] for path in opened.entries}
    assert {"airpack_libraries.libs/libzza.so.1", "airpack_libraries.libs/libzzb.so.1"} <= paths
    assert "licenses/libzzb.so.1/copyright" in paths
    sbom = (airpack.output / "sbom.cdx.json").read_text()
    assert '"libzza"' in sbom
    assert '"airpack-libraries"' in sbom
    assert airpack("verify", airpack.output, "--no-import") == 0, airpack.out
    assert airpack("rebuild", airpack.output, "--decoder", airpack.decoder) == 0, airpack.err


@pytest.mark.slow
def test_a_name_is_looked_for_in_what_is_given(
    airpack: Airpack, chain: Mapping[str, Path], profile: Path, tmp_path: Path
) -> None:
    """Such as a wheel that has it for itself; of a library that nothing needs, it is loaded at the start."""
    with zipfile.ZipFile(tmp_path / "other-1.0-py3-none-any.whl", "w") as archive:
        for name, path in chain.items():
            archive.write(path, f"other.libs/{name}")
        archive.write(chain["libzza.so.1"], "other.libs/README")
    given = ["--with-library", tmp_path / "other-1.0-py3-none-any.whl", "--with-library", "libzza.so.1"]
    assert airpack.pack("one", "--target", profile, "--strict", *given) == 0, airpack.err
    assert _value(airpack, tmp_path) == "42\n"


@pytest.mark.slow
def test_what_is_not_there_or_is_no_library_is_told(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """In one line."""
    build_wheel(wheels, "one")
    (tmp_path / "text.so").write_text("text")
    (tmp_path / "bad.deb").write_bytes(b"!<arch>\nodd")
    for given, told in (
        ("libabsent.so.7", "--with-library libabsent.so.7: this machine has no such library: give a path to it"),
        (tmp_path / "absent.so", "absent.so can't be read (No such file or directory)"),
        (tmp_path / "text.so", "text.so is neither a shared library, nor a .deb, nor a wheel"),
        (tmp_path / "bad.deb", "bad.deb is a damaged Debian package (it has no data.tar): download it again"),
    ):
        assert airpack.pack("one", "--with-library", given) == 1
        assert told in airpack.error


def test_for_musl_none_is_added() -> None:
    """Its loader takes no library that is loaded already for one that is asked for by name."""
    with pytest.raises(UsageError, match="--with-library is for images with glibc"):
        tree = Tree(groups=(), clashes=(), excluded=Excluded())
        add.choose(["libone.so.1"], tree, [], Target.parse("cp37-musllinux_1_1_x86_64"))


@pytest.mark.slow
def test_a_library_that_is_too_new_for_the_target_is_an_error(airpack: Airpack, wheels: Path) -> None:
    """By its own symbols, with what to give in its place."""
    build_wheel(wheels, "one")
    assert airpack.pack("one", "--with-library", "libstdc++.so.6", "--target", "cp37-manylinux_2_17_x86_64") == 1
    assert "airpack_libraries.libs/libstdc++.so.6 needs " in airpack.err
    assert "give the library of a system that is as old as the image: its .deb, or the file" in airpack.err
