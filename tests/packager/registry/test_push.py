"""`airpack push`: only what a registry lacks is sent, and other tools can read what is there."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from airpack.base import extras
from airpack.base.console import Silent
from airpack.bundle.opened import OpenBundle
from airpack.oci.layout import Layout
from airpack.registry.push import push
from airpack.registry.reference import Endpoint
from airpack_runtime import layout
from support import layouts, unreliable
from support import registry as real
from support.airpack import Airpack
from support.registry import Registry
from support.unreliable import Unreliable
from support.wheels import build_wheel

NAME = layout.BUNDLE_NAME
SIGNATURE = f"{NAME}{layout.SIGNATURE_SUFFIX}"
DIGEST = f"sha256:{'1' * 64}"
SIZE = 370_001 + 37 + 2 + 7  # of all blobs of `layouts.small`: layers, configuration, empty one, note


def test_what_is_there_is_not_sent_again(oci_layout: Layout, endpoint: Endpoint, registry: Unreliable) -> None:
    """Neither under another tag; manifests are."""
    push(oci_layout, endpoint, progress=Silent())
    received = registry.received
    again = push(oci_layout, endpoint, progress=Silent())
    assert (again.blobs_sent, again.blobs_skipped, again.skipped) == (0, 6, SIZE)
    assert again.sent == registry.received - received < 2000


def test_blobs_are_taken_from_a_repository_beside(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable, tmp_path: Path, waits: list[float]
) -> None:
    """Named by the user; one that lacks them, or may not be read, is no obstacle."""
    push(oci_layout, endpoint, progress=Silent())
    other = unreliable.endpoint_of(registry, tmp_path, waits, name="models/spam:1")
    pushed = push(oci_layout, other, mount_from=["models/none", "models/churn"], progress=Silent())
    assert (pushed.blobs_sent, pushed.blobs_skipped) == (0, 6)
    assert registry.lacks() == []


def test_where_the_registry_keeps_no_list_a_tag_does(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable
) -> None:
    """As the specification's "Referrers Tag Schema" says; what is pushed again is listed once."""
    registry.referrers = False
    for _ in range(2):
        push(oci_layout, endpoint, progress=Silent())
    tag = oci_layout.index[0].digest.replace(":", "-")
    listed = json.loads(registry.manifests["models/churn", tag][1])["manifests"]
    assert [(referrer["digest"], referrer["artifactType"]) for referrer in listed] == [
        (oci_layout.index[1].digest, layouts.NOTE)
    ]


def test_what_is_there_is_told(airpack: Airpack, signed: Path, debian: Registry) -> None:
    """A second push, to another tag, moves manifests alone; the registry's own log says the same."""
    assert airpack("push", "-q", signed, f"{debian.address}/models/churn") == 0, airpack.err
    before = debian.uploaded()
    assert airpack("push", signed, f"{debian.address}/models/churn:2") == 0, airpack.err
    _, _, sent, there = airpack.out.splitlines()
    assert re.fullmatch(r"sent      0 blobs, [2-4]\.\d kB", sent)
    assert there == f"present   5 blobs, {debian.sent()}, not sent again"
    assert debian.uploaded() == before
    assert airpack("push", signed, f"{debian.address}/other", "--mount-from", "models/churn") == 0, airpack.err
    assert debian.uploaded() == before


@pytest.mark.slow
def test_a_split_bundle_comes_back_whole(airpack: Airpack, debian: Registry, wheels: Path, tmp_path: Path) -> None:
    """Byte for byte, with its SBOM; after one changed pin, one layer moves."""
    for name in ("one", "two", "three"):
        build_wheel(wheels, name, files={f"{name}/__init__.py": "", f"{name}/data.bin": os.urandom(400_000)})
    assert airpack.pack("one", "two", "three", "-q", "--no-import", "--sbom") == 0, airpack.err
    assert airpack("push", airpack.output, f"{debian.address}/models/churn:1", "--split") == 0, airpack.err
    assert airpack("pull", f"{debian.address}/models/churn:1", "-o", tmp_path / "got") == 0, airpack.err
    assert (tmp_path / "got" / NAME).read_bytes() == (airpack.output / NAME).read_bytes()
    assert (tmp_path / "got" / "sbom.cdx.json").read_bytes() == (airpack.output / "sbom.cdx.json").read_bytes()
    before = debian.uploaded()
    build_wheel(wheels, "two", "2.0", files={"two/__init__.py": "", "two/data.bin": os.urandom(400_000)})
    assert airpack.pack("one", "two", "three", "-q", "--no-import") == 0, airpack.err
    assert airpack("push", airpack.output, f"{debian.address}/models/churn:2", "--split") == 0, airpack.err
    moved = sum(size for digest, size in debian.uploaded().items() if digest not in before)
    with OpenBundle.at(airpack.output / NAME) as contents:
        packed = {
            distribution.name: size
            for distribution, size in zip(contents.toc.distributions, contents.packed_sizes(), strict=True)
        }
    own = packed["two"]
    assert own < moved <= 1.2 * own


def test_skopeo_reads_what_was_pushed(airpack: Airpack, signed: Path, debian: Registry, tmp_path: Path) -> None:
    """It shows the image, and copies it; what it has copied is the same layout, and can be pushed again."""
    assert airpack("push", "-q", signed, f"{debian.address}/models/churn:1") == 0, airpack.err
    source = f"docker://{debian.address}/models/churn:1"
    shown = real.skopeo(["inspect", "--tls-verify=false", source])
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["Labels"]["io.airpack.digest"] == layouts.digest_of(signed)
    copied = real.skopeo(["copy", "--src-tls-verify=false", source, f"oci:{tmp_path}/copy:bundle"])
    assert copied.returncode == 0, copied.stderr
    assert airpack("push", "-q", tmp_path / "copy", f"{debian.address}/again") == 0, airpack.err
    assert airpack("pull", "-q", f"{debian.address}/again", "-o", tmp_path / "got") == 0, airpack.err
    assert layouts.files(tmp_path / "got") == {NAME: (signed / NAME).read_bytes()}
    there = f"docker://{debian.address}/mirror/churn:1"
    copied = real.skopeo(["copy", "--src-tls-verify=false", "--dest-tls-verify=false", source, there])
    assert copied.returncode == 0, copied.stderr
    assert airpack("pull", "-q", f"{debian.address}/mirror/churn:1", "-o", tmp_path / "mirrored") == 0, airpack.err
    assert layouts.files(tmp_path / "mirrored") == {NAME: (signed / NAME).read_bytes()}


def test_a_volume_of_what_was_pushed_is_signed(
    airpack: Airpack, signed: Path, debian: Registry, tmp_path: Path, home: Path
) -> None:
    """By `push --sign`, as by `oci --sign`, to the byte; else a line says that the bundle's signature isn't theirs."""
    key, name = tmp_path / "team.key", f"{debian.address}/models/churn"
    assert airpack("keygen", "-q", "-o", tmp_path / "team") == 0
    assert airpack("sign", "-q", signed, "--key", key) == 0
    assert airpack("push", signed, f"{name}:unsigned") == 0, airpack.err
    assert airpack.err.splitlines()[0] == (
        "note: the bundle is signed, but volumes of this image are not, and a shim with a key refuses them: give "
        "--sign NAME.key as well"
    )
    assert "signed    " not in airpack.out
    assert airpack("push", signed, f"{name}:signed", "--sign", key) == 0, airpack.err
    assert "note:" not in airpack.err
    assert airpack.out.splitlines()[-1].startswith("signed    volumes of it, by the key ")
    pushed = re.search(r"^pushed    \S+@(\S+)$", airpack.out, re.MULTILINE)
    written = layouts.lay_out(airpack, signed, tmp_path / "layout", "--sign", key)
    assert pushed is not None
    assert pushed[1] == written.index[0].digest
    assert airpack("oci", signed, "-o", tmp_path / "unsigned") == 0
    assert "volumes of this image are not" in airpack.err
    assert airpack("push", tmp_path / "layout", name, "--sign", key) == 2
    problem = "is an OCI layout, which can't be signed any more: give --sign to airpack oci"
    assert airpack.error == f"airpack: error: {tmp_path}/layout {problem}"


def test_ctrl_c_waits_for_no_registry(airpack: Airpack, signed: Path) -> None:
    """One that has fallen silent in the middle of an upload has two minutes else."""
    over, begun, answers = threading.Event(), list[int](), list[bool]()

    def fall_silent(size: int) -> None:
        begun.append(size)
        if len(begun) == 1:
            os.kill(os.getpid(), signal.SIGINT)
        answers.append(over.wait(60))

    with unreliable.serve(on_upload=fall_silent) as registry:
        assert airpack("push", signed, f"{registry.address}/models/churn") == 130
        over.set()
        deadline = time.monotonic() + 60
        while len(answers) < len(begun) and time.monotonic() < deadline:
            time.sleep(0.01)  # they run in threads of the registry's
    assert answers == [True] * len(begun)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["churn"], "churn names no image in a registry: write REGISTRY/REPOSITORY[:TAG]"),
        (["models/churn"], "models/churn names no registry: write it first, as in registry.example/models/churn"),
        (["https://registry.example/churn"], "https://registry.example/churn is a URL: leave https:// out"),
        (["registry.example/Churn"], "registry.example/Churn: a repository's name is in lower case"),
        (
            ["me:secret@registry.example/churn"],
            "the name of a registry can't hold credentials: log in with docker or podman",
        ),
        (
            [f"localhost:1/churn@{DIGEST}"],
            f"localhost:1/churn@{DIGEST} names a digest, which the push itself determines",
        ),
    ],
)
def test_a_name_that_is_none_is_a_usage_error(airpack: Airpack, signed: Path, words: list[str], message: str) -> None:
    """The line says how to write it, and never repeats a password."""
    assert airpack("push", signed, *words) == 2
    assert airpack.error.startswith(f"airpack: error: {message}")


@pytest.mark.usefixtures("target_python")
def test_without_the_extra(airpack: Airpack, signed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the command that installs it."""
    for name in [name for name in sys.modules if name.startswith(("airpack.registry.", "urllib3"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "urllib3", None)
    expected = f"airpack: error: a registry needs urllib3, which isn't installed: {extras.install('oci')}"
    for words in (["push", signed, "localhost/churn"], ["pull", "localhost/churn"]):
        assert airpack(*words) == 1
        assert airpack.error == expected
