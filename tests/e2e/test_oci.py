"""The science bundle through a real registry into a real container: pushed, mounted, booted; and given back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from airpack.cli.app import main
from airpack.oci import restore
from airpack.oci.layout import Layout
from airpack.results.folder import Results
from airpack_runtime import layout
from benchmarks import boxes
from benchmarks.boxes import GIVEN, NOTHING_WRITABLE, SHIM, Box
from support import machine, registry
from support.bundles import SITE_PACKAGES
from support.registry import Registry, skopeo

from .conftest import PACK

pytestmark = pytest.mark.network
VOLUME = "/mnt"
PROGRAM = "import pandas, sklearn.linear_model as m; print(m.__file__, m.LinearRegression().fit([[1], [2]], [1, 2]))"
# Calls that make, change or remove something in a file system.
_WRITES = re.compile(
    r"\b(open|openat|creat|openat2)\(.*\bO_(WRONLY|RDWR|CREAT|TRUNC)\b"
    r"|\b(mkdir|mkdirat|rename|renameat|renameat2|unlink|unlinkat|rmdir|link|linkat|symlink|symlinkat|mknod|mknodat"
    r"|truncate|ftruncate|chmod|fchmod|fchmodat|chown|utimensat|setxattr|mount|umount2)\("
)
# What isn't kept: multiprocessing tries whether there are semaphores, where memory is.
_NO_FILE = re.compile(r'"/dev/(null|tty|shm/sem\.[\w.-]+)"')


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Return the folder that the containers, and all that they leave, lie in: podman takes no long path."""
    with tempfile.TemporaryDirectory(prefix="airpack-") as name:
        yield Path(name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """The registry, what was laid out, and what it is called there: as one layer, and as many."""

    registry: Registry
    layouts: dict[str, Path]

    def name(self, form: str) -> str:
        """Return the image's name."""
        return f"{self.registry.address}/models/{form}:v1"


@pytest.fixture(scope="module")
def key(folder: Path) -> Path:
    """Return the path of a key to sign with."""
    assert main(["keygen", "-q", "-o", str(folder / "team")]) == 0
    return folder / "team.key"


@pytest.fixture(scope="module")
def pushed(folder: Path, science: Path, key: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registered]:
    """Lay the science bundle out in both forms, and have skopeo push them to a registry."""
    layouts = {form: folder / form for form in ("whole", "split")}
    for form, words in (("whole", []), ("split", ["--split"])):
        assert main(["oci", "-q", str(science), "-o", str(layouts[form]), "--sign", str(key), *words]) == 0
    with registry.serve(tmp_path_factory.mktemp("registry")) as running:
        pushed = Registered(registry=running, layouts=layouts)
        for form, path in layouts.items():
            words = ["copy", "--all", "--dest-tls-verify=false", f"oci:{path}:bundle", f"docker://{pushed.name(form)}"]
            done = skopeo(words)
            assert done.returncode == 0, done.stderr
        yield pushed


@pytest.fixture(scope="module")
def box(folder: Path, science: Path, pushed: Registered, key: Path) -> Iterator[Box]:
    """Return a root filesystem with nothing but Python 3.7, the shim and a key; podman has pulled the images."""
    if os.getuid():
        machine.lacking("the right to make containers", "run the tests as root")
    for tool in ("podman", "runc", "strace"):
        machine.tool(tool)
    given = folder / "given"
    given.mkdir()
    assert main(["shim", "-q", "-o", str(given / SHIM)]) == 0
    (given / "key.pub").write_bytes(key.with_suffix(".pub").read_bytes())
    with Results.at(science).open_bundle() as contents:
        extensions = {path: file for path, file in contents.entries.items() if path.endswith(".so")}
        for number, file in enumerate(extensions.values()):
            (given / f"{number}.so").write_bytes(contents.read(file))
    needed = list(given.glob("*.so"))
    box = boxes.build(folder, given, needed)
    for path in needed:
        path.unlink()
    for form in pushed.layouts:
        done = machine.run([*box.tool, "pull", "-q", "--tls-verify=false", pushed.name(form)])
        assert done.returncode == 0, done.stderr
    yield box
    machine.run([*box.tool, "rmi", "--all", "--force"])
    box.check_nothing_left(folder)


FORMS = pytest.mark.parametrize("form", ["whole", "split"])


def _volume(pushed: Registered, form: str, **env: str) -> list[str]:
    options = [*NOTHING_WRITABLE, "--mount", f"type=image,source={pushed.name(form)},destination={VOLUME}"]
    for name, value in {"AIRPACK_BUNDLE": VOLUME, **env}.items():
        options += ["--env", f"{name}={value}"]
    return options


def _digest(science: Path) -> str:
    digest: str = json.loads((science / "manifest.json").read_text())["bundle"]["digest"]
    return digest


def _facts(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return what the boot logged, once the program has printed where it got its packages from."""
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{VOLUME}/{SITE_PACKAGES}/sklearn/linear_model/__init__.py LinearRegression()\n"
    facts: dict[str, Any] = json.loads(done.stderr.splitlines()[0])
    return facts


@FORMS
def test_a_registry_has_the_image(pushed: Registered, science: Path, form: str) -> None:
    """As `skopeo inspect` tells it: platform, target, digest; the layers are the layout's, byte for byte."""
    done = skopeo(["inspect", "--tls-verify=false", f"docker://{pushed.name(form)}"])
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    oci_layout = Layout(pushed.layouts[form])
    chosen = restore.choose(oci_layout)
    layers = [layer.digest for layer in oci_layout.manifest(chosen).layers]
    assert (shown["Digest"], shown["Os"], shown["Architecture"]) == (chosen.digest, "linux", "amd64")
    assert shown["Labels"] == {
        "io.airpack.digest": _digest(science),
        "io.airpack.target": "cp37-manylinux_2_27_x86_64",
    }
    assert shown["Layers"] == layers
    sizes = pushed.registry.blobs()
    assert {blob.digest: blob.size for blob in oci_layout.blobs() if not blob.artifact_type}.items() <= sizes.items()


@FORMS
def test_a_container_imports_from_the_volume(pushed: Registered, science: Path, box: Box, form: str) -> None:
    """Read-only, as uid 1000, without capabilities, a network or a writable folder: it activates at once."""
    words = box.shim(["exec", "--", "python", "-c", PROGRAM])
    facts = _facts(machine.run(box.podman(_volume(pushed, form, AIRPACK_DIGEST=_digest(science)), words)))
    assert (facts["strategy"], facts["tree"], facts["pinned"]) == ("a tree that is there", VOLUME, True)
    assert facts["digest"] == _digest(science)
    done = machine.run(box.podman(_volume(pushed, form, AIRPACK_DIGEST="sha256:" + "0" * 64), words))
    assert (done.returncode, done.stdout) == (97, "")
    assert done.stderr.startswith(
        f"airpack: {VOLUME} has the digest {_digest(science)}, but AIRPACK_DIGEST pins sha256:0"
    )


@FORMS
def test_a_container_with_a_key_takes_the_signed_volume(pushed: Registered, box: Box, form: str) -> None:
    """Every file is compared with what was signed, in place."""
    words = box.shim(["exec", "--", "python", "-c", PROGRAM])
    facts = _facts(machine.run(box.podman(_volume(pushed, form, AIRPACK_PUBLIC_KEY=f"{GIVEN}/key.pub"), words)))
    assert facts["strategy"] == "a tree that is there"
    assert re.fullmatch("[0-9a-f]{16}", facts["signed_by"])


@pytest.fixture(scope="module")
def traced(box: Box, folder: Path) -> Box:
    """Return a root filesystem that has strace as well."""
    return box.with_program("strace", folder / "root-strace")


@FORMS
def test_nothing_is_written_anywhere(pushed: Registered, traced: Box, form: str) -> None:
    """No call of the boot, or of the program, as much as tries to: none opens a file to write, makes or renames one."""
    words = traced.shim(["exec", "--", "python", "-c", PROGRAM])
    strace = ["strace", "-f", "-s", "200", "-e", "trace=%file,%desc"]
    done = machine.run(traced.podman(_volume(pushed, form), [*strace, *words]))
    assert done.returncode == 0, done.stderr[-2000:]
    calls = done.stderr.splitlines()
    assert any(f"{VOLUME}/{SITE_PACKAGES}/sklearn/linear_model/__init__" in call for call in calls)
    assert [call for call in calls if _WRITES.search(call) and not _NO_FILE.search(call)] == []


@FORMS
def test_what_skopeo_brings_back_gives_the_very_bundle(
    pushed: Registered, science: Path, folder: Path, form: str
) -> None:
    """The registry's manifest has all that is needed: other tools can pull as well."""
    back = folder / f"back-{form}"
    words = ["copy", "--src-tls-verify=false", f"docker://{pushed.name(form)}", f"oci:{back}:bundle"]
    done = skopeo(words)
    assert done.returncode == 0, done.stderr
    restored = restore.restore(Layout(back), folder / f"restored-{form}")
    assert restored.digest == _digest(science)
    assert restored.path.read_bytes() == (science / layout.BUNDLE_NAME).read_bytes()


@pytest.mark.parametrize(("name", "pin"), [("pandas", "pandas==1.3.4"), ("joblib", "joblib==1.3.1")])
def test_a_changed_pin_uploads_little_more_than_itself(
    pushed: Registered, science: Path, folder: Path, name: str, pin: str
) -> None:
    """By the registry's access log: at most 1.2 times the frames of the distribution that changed, all told."""
    older = dict(pair.split("==") for pair in ["scikit-learn==1.0.2", "pandas==1.3.5", "joblib==1.3.2", pin])
    dist, place = folder / f"dist-{name}", folder / f"layout-{name}"
    pins: Sequence[str] = [f"{each}=={version}" for each, version in older.items()]
    assert main([*PACK, "--no-import", *pins, "-o", str(dist)]) == 0
    assert main(["oci", "-q", "--split", str(dist), "-o", str(place)]) == 0
    before = pushed.registry.uploaded().keys()
    target = f"docker://{pushed.registry.address}/models/split:{name}"
    done = skopeo(["copy", "--dest-tls-verify=false", f"oci:{place}:bundle", target])
    assert done.returncode == 0, done.stderr
    new = {digest: size for digest, size in pushed.registry.uploaded().items() if digest not in before}
    manifest = restore.choose(Layout(place)).size
    with Results.at(dist).open_bundle() as contents:
        own = {each.name: size for each, size in zip(contents.toc.distributions, contents.packed_sizes(), strict=True)}
    assert own[name] < sum(new.values()) + manifest <= 1.2 * own[name]
