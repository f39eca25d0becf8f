"""What containers of several kinds allow: a root filesystem with nothing but Python 3.7, and bwrap, podman, runc."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from airpack.cli.app import main
from airpack_runtime import layout
from benchmarks import boxes
from benchmarks.boxes import GIVEN, LOCKED, MAY_MOUNT, NOTHING_WRITABLE, PRIVILEGED, SHIM, Box
from support import machine
from support.bundles import SITE_PACKAGES
from support.wheels import build_wheel

pytestmark = [pytest.mark.network, pytest.mark.alone]  # for the decoder's wheel
BUNDLE = ["--bundle", f"{GIVEN}/{layout.BUNDLE_NAME}"]
EROFS, SQUASHFS = (["--bundle", f"{GIVEN}/images/bundle.{kind}"] for kind in ("erofs", "squashfs"))
# From then on the kernel mounts EROFS from a file, without a loop device.
KERNEL = (6, 12)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Return the folder that the containers, and all that they leave, lie in: podman takes no long path."""
    with tempfile.TemporaryDirectory(prefix="airpack-") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def box(folder: Path) -> Iterator[Box]:
    """Return a root filesystem with a small bundle, its images and its tree; in the end no container left a thing."""
    if os.getuid():
        machine.lacking("the right to make containers", "run the tests as root")
    for tool, package in (("podman", None), ("runc", None), ("bwrap", "bubblewrap"), ("squashfuse", None)):
        machine.tool(tool, package)
    machine.tool("mksquashfs", "squashfs-tools")
    machine.tool("mkfs.erofs", "erofs-utils")
    build_wheel(folder / "wheels", "alpha")
    given = folder / "given"
    (given / "images").mkdir(parents=True)
    pack = ["pack", "-q", "alpha", "--no-index", "--find-links", str(folder / "wheels"), "--no-import"]
    for kind in ("squashfs", "erofs"):
        dist = folder / f"dist-{kind}"
        assert main([*pack, "-o", str(dist), "--tree", str(given / "tree"), "--image", kind]) == 0
        (dist / f"bundle.{kind}").rename(given / "images" / f"bundle.{kind}")
    (dist / layout.BUNDLE_NAME).rename(given / layout.BUNDLE_NAME)
    (given / "both").mkdir()
    for path in (given / layout.BUNDLE_NAME, given / "images" / "bundle.squashfs"):
        os.link(path, given / "both" / path.name)
    assert main(["shim", "-q", "-o", str(given / SHIM)]) == 0
    made = boxes.build(folder, given, [])
    yield made
    made.check_nothing_left(folder)


def _words(box: Box, what: Sequence[str]) -> list[str]:
    return box.shim(["exec", *what, "--", "python", "-c", "import alpha; print(alpha.__file__)"])


def _boot(line: Sequence[str]) -> dict[str, Any]:
    """Run a container that imports a module of the bundle's, and return what the boot logged."""
    done = machine.run(line)
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stderr.splitlines()[0])
    assert done.stdout == f"{facts['tree']}/{SITE_PACKAGES}/alpha.py\n"
    return facts


def test_a_sandbox_with_a_tmp_unpacks(box: Box) -> None:
    """As uid 1000, with namespaces of its own and a read-only root; an image alone can't be mounted there."""
    facts = _boot(box.bwrap(_words(box, BUNDLE)))
    assert facts["strategy"] == "unpacked"
    assert facts["tree"].startswith("/tmp/airpack-1000/")
    done = machine.run(box.bwrap(_words(box, EROFS)))
    assert done.returncode == 97
    assert "bundle.erofs can't be mounted here (erofs: Operation not permitted; " in done.stderr


def test_a_locked_container_unpacks(box: Box) -> None:
    """Read-only, without capabilities, network or new privileges, it has the tmpfs that podman brings."""
    facts = _boot(box.podman(LOCKED, _words(box, BUNDLE)))
    assert facts["strategy"] == "unpacked"
    assert facts["tree"].startswith("/var/tmp/airpack-1000/")


def test_where_nothing_is_writable_a_user_namespace_has_a_tmpfs(box: Box) -> None:
    """Which only this boot's processes see."""
    facts = _boot(box.podman(NOTHING_WRITABLE, _words(box, BUNDLE)))
    assert facts["strategy"] == "unpacked into a tmpfs of its own"
    assert facts["tree"].startswith("/mnt/")


def test_where_nothing_is_writable_nor_namespaces_are_allowed(box: Box, tmp_path: Path) -> None:
    """The error tells of each folder why not, and what to write into the deployment; a mounted tree needs none."""
    options = [*NOTHING_WRITABLE, *boxes.without_namespaces(tmp_path / "seccomp.json")]
    done = machine.run(box.podman(options, _words(box, BUNDLE)))
    assert (done.returncode, done.stdout) == (97, "")
    message = re.sub(r"\d+(\.\d)?( MB|m\b)", r"N\2", done.stderr.partition("; explained by: ")[0])
    assert message == (
        "airpack: no folder can hold the unpacked packages (N MB): "
        "/nonexistent/.cache/airpack: Read-only file system; "
        "/var/tmp/airpack-1000: Read-only file system; "
        "/tmp/airpack-1000: Read-only file system; "
        "/dev/shm/airpack-1000: is mounted noexec, so that extension modules can't be loaded from it; "
        "a tmpfs in a user namespace: Operation not permitted; "
        "set AIRPACK_CACHE_DIR to a writable folder on a file system without noexec (Docker: "
        "--tmpfs /tmp:exec,size=Nm; Kubernetes: an emptyDir volume at /tmp)"
    )
    assert _boot(box.podman(options, _words(box, ["--tree", f"{GIVEN}/tree"])))["strategy"] == "a tree that is there"


def test_the_line_for_the_deployment_is_right(box: Box, tmp_path: Path) -> None:
    """What the error says for Docker makes the same container boot."""
    options = [*NOTHING_WRITABLE, *boxes.without_namespaces(tmp_path / "seccomp.json")]
    said = machine.run(box.podman(options, _words(box, BUNDLE))).stderr
    remedy = re.search(r"Docker: (--tmpfs) (/tmp:exec,size=\d+m);", said)
    assert remedy is not None, said
    facts = _boot(box.podman([*options, *remedy.groups()], _words(box, BUNDLE)))
    assert facts["tree"].startswith("/tmp/airpack-1000/")


@pytest.mark.skipif(
    tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) < KERNEL, reason="EROFS from a file needs Linux 6.12"
)
def test_a_container_that_may_mount_mounts_erofs(box: Box) -> None:
    """Given CAP_SYS_ADMIN and no device at all."""
    facts = _boot(box.podman(MAY_MOUNT, _words(box, EROFS)))
    assert facts["strategy"] == "erofs"
    assert "/airpack-1000/image-" in facts["tree"]


def test_a_privileged_container_mounts_squashfs(box: Box) -> None:
    """By a loop device, which the fixture sees detached when the container has ended."""
    assert _boot(box.podman(PRIVILEGED, _words(box, SQUASHFS)))["strategy"] == "squashfs by a loop device"


@pytest.fixture(scope="module")
def fused(box: Box, folder: Path) -> Box:
    """Return a root filesystem that has squashfuse as well."""
    return box.with_program("squashfuse", folder / "root-squashfuse")


def test_a_locked_container_with_fuse_mounts_squashfs(fused: Box, tmp_path: Path) -> None:
    """In a user namespace, by the squashfuse that the image has, whatever the user."""
    options = [*LOCKED, *boxes.fuse_device(tmp_path / "fuse")]
    assert _boot(fused.podman(options, _words(fused, SQUASHFS)))["strategy"] == "squashfuse in a user namespace"


def test_a_mount_that_fails_leaves_the_command_as_it_was(fused: Box, tmp_path: Path) -> None:
    """Root without capabilities can't be mapped into a user namespace: it unpacks, and is root still."""
    options = ["--read-only", "--cap-drop", "all", "--network", "none", *boxes.fuse_device(tmp_path / "fuse")]
    what = ["--bundle", f"{GIVEN}/both/{layout.BUNDLE_NAME}"]
    program = "import os; print(os.getuid(), open('/proc/self/uid_map').read())"
    done = machine.run(fused.podman(options, fused.shim(["exec", *what, "--", "python", "-c", program])))
    ours = Path("/proc/self/uid_map").read_text()
    assert (done.returncode, done.stdout) == (0, f"0 {ours}\n"), done.stderr
    assert json.loads(done.stderr.splitlines()[0])["strategy"] == "unpacked"
