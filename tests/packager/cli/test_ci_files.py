"""The files under `fixtures/ci` that the pages show: valid by the published schemas, and their commands run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from support import machine, pages, registry, sandbox
from support.airpack import Airpack
from support.index import Index
from support.wheels import build_wheel

FOLDER = machine.FIXTURES / "ci"
GITHUB, AZURE = FOLDER / "github.yml", FOLDER / "azure-pipelines.yml"
MOUNTED, COPIED = FOLDER / "kubernetes-image-volume.yaml", FOLDER / "kubernetes-init-container.yaml"
SHA = "0123456789abcdef0123456789abcdef01234567"
_MACRO = re.compile(r"\$\(([\w.]+)\)")


def _documents(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "words"),
    [
        (GITHUB, ["vendor.github-workflows"]),
        # Its patterns aren't all valid as Unicode ones.
        (AZURE, ["vendor.azure-pipelines", "--data-transform", "azure-pipelines", "--regex-variant", "nonunicode"]),
    ],
    ids=["github", "azure"],
)
def test_a_pipeline_is_valid(path: Path, words: Sequence[str]) -> None:
    """By the schema that its maker publishes, as check-jsonschema brings it."""
    done = machine.run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", *words, str(path)])
    assert (done.returncode, done.stdout) == (0, "ok -- validation done\n"), done.stdout


@pytest.mark.parametrize("version", ["1.31", "1.36"])
@pytest.mark.parametrize("path", [MOUNTED, COPIED], ids=lambda path: path.stem)
def test_a_manifest_is_valid(path: Path, version: str) -> None:
    """By Kubernetes' own schemas, without a field too many: of the first version with image volumes, and a late one."""
    for document in _documents(path):
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("path", [MOUNTED, COPIED], ids=lambda path: path.stem)
def test_a_manifest_allows_what_it_must_alone(path: Path) -> None:
    """No root, no capability, no write but to what is copied, no address; bundle and digest are pinned."""
    deployment, policy = _documents(path)
    pod = deployment["spec"]["template"]
    spec = pod["spec"]
    assert (spec["securityContext"]["runAsNonRoot"], spec["automountServiceAccountToken"]) == (True, False)
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    (main,) = spec["containers"]
    assert [mount["readOnly"] for mount in main["volumeMounts"]] == [True]
    env = {each["name"]: each["value"] for each in main["env"]}
    assert env["AIRPACK_BUNDLE"] == main["volumeMounts"][0]["mountPath"]
    assert re.fullmatch("sha256:[0-9a-f]{64}", env["AIRPACK_DIGEST"])
    assert re.search(r"/models/fraud@sha256:[0-9a-f]{64}\n", path.read_text(encoding="utf-8"))
    assert policy["spec"] == {"podSelector": {"matchLabels": pod["metadata"]["labels"]}, "policyTypes": ["Egress"]}


def test_the_pages_show_parts_of_the_files() -> None:
    """Word for word: each block is a part of one of them."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(FOLDER.iterdir())]
    blocks = [block.text for page in pages.PAGES for block in pages.blocks(page) if block.language == "yaml"]
    assert len(blocks) >= len(texts)
    for block in blocks:
        assert any(block in text for text in texts), block
    for text in texts:
        assert any(block in text for block in blocks), text


class Job:
    """A pipeline: its commands by name, what of the disk it keeps for the next run, its variables."""

    def __init__(self, path: Path, home: Path) -> None:
        (data,) = _documents(path)
        if path == GITHUB:
            job = data["jobs"]["pack"]
            self.env = {**job["env"], "GITHUB_SHA": SHA, "GITHUB_STEP_SUMMARY": str(home / "summary.md")}
            self.steps = {each["name"]: each["run"] for each in job["steps"] if "run" in each}
            (kept,) = [
                each["with"]["path"] for each in job["steps"] if each.get("uses", "").startswith("actions/cache@")
            ]
            self.kept = home / str(kept).removeprefix("~/")
            return
        # What $(...) means, and what is a variable is in the environment as well.
        known = {"Build.SourceVersion": SHA, "Pipeline.Workspace": str(home), **data["variables"]}
        self.env = {name: _expanded(value, known) for name, value in data["variables"].items()}
        self.steps = {
            each["displayName"]: _expanded(each["script"], {**known, "image": "$IMAGE"})
            for each in data["steps"]
            if "script" in each
        }
        (kept,) = [each["inputs"]["path"] for each in data["steps"] if each.get("task") == "Cache@2"]
        self.kept = Path(_expanded(kept, known))


def _expanded(text: str, known: Mapping[str, str]) -> str:
    while _MACRO.search(text):
        text = _MACRO.sub(lambda match: known[match[1]], text)
    return text


@pytest.fixture
def served(index: Index, wheels: Path, decoder_wheel: Path) -> Index:
    """Return an index on loopback with two wheels and the decoder."""
    build_wheel(wheels, "alpha", requires=["beta"])
    build_wheel(wheels, "beta")
    shutil.copy(decoder_wheel, wheels / "pyzstd-0.15.10-cp37-cp37m-manylinux_2_17_x86_64.manylinux2014_x86_64.whl")
    return index


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[registry.Registry]:
    """Return a registry on loopback."""
    with registry.serve(tmp_path / "registry") as running:
        yield running


def _run(job: Job, step: str, home: Path, env: Mapping[str, str], trace: Path | None = None) -> None:
    """Run a step as a runner does, in the checked out folder."""
    # bash runs each step of both with -e; what strace sees is all that it starts.
    line = ["bash", "-e", "-c", job.steps[step]]
    if trace is not None:
        line = [machine.tool("strace"), "-f", "-e", "trace=%network,execve", "-o", str(trace), *line]
    done = subprocess.run(
        line, cwd=home / "work", env={**env, "HOME": str(home), **job.env, "IMAGE": env["IMAGE"]}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("path", [GITHUB, AZURE], ids=lambda path: path.stem)
def test_a_pipelines_commands_run_and_its_cache_spares_the_network(
    path: Path, airpack: Airpack, served: Index, hub: registry.Registry, tmp_path: Path
) -> None:
    """Pack and push, but for the installation of airpack; a second agent with the kept folder opens no connection."""
    lock = tmp_path / "pylock.toml"
    assert airpack("lock", "-q", "alpha", "--index-url", served.url, "-o", lock) == 0, airpack.err
    scripts = f"{Path(sys.executable).parent}:{machine.python37().path.parent}:{os.environ['PATH']}"
    env = {"PATH": scripts, "PIP_INDEX_URL": served.url, "PIP_CONFIG_FILE": os.devnull}
    env["IMAGE"] = f"{hub.address}/models/fraud"
    homes = [tmp_path / "first", tmp_path / "second"]
    for home in homes:
        (home / "work").mkdir(parents=True)
        shutil.copy(lock, home / "work")
    first, second = (Job(path, home) for home in homes)
    assert list(first.steps) == ["Install", "Pack", "Push"]
    assert first.steps["Install"] == "pip install 'airpack[oci,python]'"
    _run(first, "Pack", homes[0], env)
    _run(first, "Push", homes[0], env)
    assert {each.path for each in hub.requests("PUT") if "/manifests/" in each.path} >= {
        f"/v2/models/fraud/manifests/{SHA}"
    }
    assert path == AZURE or "alpha" in (homes[0] / "summary.md").read_text()
    shutil.copytree(first.kept, second.kept)
    asked, log = len(served.requests), tmp_path / "strace.log"
    assert asked >= 3
    _run(second, "Pack", homes[1], env, trace=log)
    assert not re.search(r"AF_INET|pip_worker", log.read_text())
    assert len(served.requests) == asked
    bundles = [(home / "work" / "dist" / "bundle.tar.zst").read_bytes() for home in homes]
    assert bundles[0] == bundles[1]


@pytest.fixture
def volume(airpack: Airpack, wheels: Path, tmp_path: Path) -> Path:
    """Return what a volume of the bundle's image holds: its layers, one over the other."""
    so = ["alpha/__init__.py", "alpha/twin.py"]
    build_wheel(wheels, "alpha", files=dict.fromkeys(so, "VALUE = 'from the volume'\n" * 100))
    assert airpack.pack("--no-import", "alpha") == 0
    layout, folder = tmp_path / "layout", tmp_path / "volume"
    assert airpack("oci", "-q", airpack.output, "-o", layout, "--split") == 0, airpack.err
    folder.mkdir()

    def blob(digest: str) -> Path:
        return layout / "blobs" / "sha256" / digest.removeprefix("sha256:")

    manifest = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]
    for layer in json.loads(blob(manifest).read_text())["layers"]:
        subprocess.run([*machine.tar_zstd(), "-xf", blob(layer["digest"]), "-C", folder], check=True)
    return folder


def _score(path: Path, deps: Path, airpack: Airpack, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run a manifest's container: as another user, all read-only, without a network, with its volume at its place."""
    shim, app = tmp_path / "airpack-runtime.pyz", tmp_path / "score.py"
    app.write_text("import alpha; print(alpha.VALUE, alpha.__file__)\n")
    assert airpack("shim", "-q", "-o", shim) == 0
    (container,) = _documents(path)[0]["spec"]["template"]["spec"]["containers"]
    digest = json.loads((airpack.output / "manifest.json").read_text())["bundle"]["digest"]
    env = {each["name"]: each["value"] for each in container["env"]} | {"AIRPACK_DIGEST": digest}
    place = container["volumeMounts"][0]["mountPath"]
    mounts = {"/opt/airpack-runtime.pyz": shim, "/app/score.py": app, place: deps}
    return sandbox.run(machine.python37().path, container["command"], mounts=mounts, env=env)


@pytest.mark.slow
def test_the_container_finds_its_packages_in_the_image_volume(airpack: Airpack, volume: Path, tmp_path: Path) -> None:
    """By the manifest's command and environment, with the digest that pack printed."""
    done = _score(MOUNTED, volume, airpack, tmp_path)
    assert done.stdout == "from the volume /mnt/deps/lib/python3.7/site-packages/alpha/__init__.py\n", done.stderr


@pytest.mark.slow
def test_the_init_container_copies_the_image(airpack: Airpack, volume: Path, tmp_path: Path) -> None:
    """By a static busybox, which the image lacks: every file once, links as links; then the container finds them."""
    tools, deps, root = tmp_path / "tools", tmp_path / "deps", tmp_path / "root"
    copier, init = _documents(COPIED)[0]["spec"]["template"]["spec"]["initContainers"]
    assert copier["command"] == ["cp", "/bin/busybox", "/tools/busybox"]
    for folder in (tools, deps):
        folder.mkdir()
    shutil.copy(machine.tool("busybox", "busybox-static"), tools / "busybox")
    shutil.copytree(volume, root, copy_function=os.link)
    for name in ("tools", "deps", "proc", "dev", "etc"):  # as the kubelet's runtime makes them
        (root / name).mkdir()
    (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
    line = [machine.tool("bwrap", "bubblewrap"), "--unshare-all", "--die-with-parent", "--clearenv"]
    line += ["--cap-drop", "ALL"]
    line += ["--uid", "1000", "--gid", "1000", "--bind", str(root), "/", "--proc", "/proc", "--dev", "/dev"]
    line += ["--ro-bind", str(tools), "/tools", "--bind", str(deps), "/deps", "--remount-ro", "/", "--"]
    done = machine.run([*line, *init["command"]])
    assert done.returncode == 0, done.stderr
    copied, image = _inodes(deps), _inodes(volume)
    assert copied.keys() == image.keys()
    assert len(set(copied.values())) == len(set(image.values())) < len(image)
    done = _score(COPIED, deps, airpack, tmp_path)
    assert done.stdout == "from the volume /mnt/deps/lib/python3.7/site-packages/alpha/__init__.py\n", done.stderr


def _inodes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_ino for path in folder.rglob("*") if path.is_file()}
