"""The files under `fixtures/ci` that the pages show: valid by the published schemas, and their commands run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from airpack import __version__
from support import machine, pages, pipelines, registry, sandbox
from support.airpack import Airpack
from support.index import Index
from support.wheels import build_wheel

FOLDER = machine.FIXTURES / "ci"
GITHUB, AZURE = FOLDER / "github.yml", FOLDER / "azure-pipelines.yml"
ACTION, TEMPLATE = FOLDER / "action.yml", FOLDER / "azure-steps.yml"
MOUNTED, COPIED = FOLDER / "kubernetes-image-volume.yaml", FOLDER / "kubernetes-init-container.yaml"
SHA = "0123456789abcdef0123456789abcdef01234567"
MakeAgent = Callable[..., pipelines.Agent]
# Its patterns aren't all valid as Unicode ones.
_AZURE = ["vendor.azure-pipelines", "--data-transform", "azure-pipelines", "--regex-variant", "nonunicode"]


def _documents(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "words"),
    [
        (GITHUB, ["vendor.github-workflows"]),
        (ACTION, ["vendor.github-actions"]),
        (AZURE, _AZURE),
        (TEMPLATE, _AZURE),
    ],
    ids=["github", "action", "azure", "template"],
)
def test_a_pipeline_is_valid(path: Path, words: Sequence[str]) -> None:
    """By the schema that its maker publishes, as check-jsonschema brings it."""
    done = machine.run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", *words, str(path)])
    assert (done.returncode, done.stdout) == (0, "ok -- validation done\n"), done.stdout


@pytest.mark.parametrize("version", ["1.31", "1.36"])
@pytest.mark.parametrize("path", [MOUNTED, COPIED], ids=lambda path: path.stem)
def test_a_manifest_is_valid(path: Path, version: str) -> None:
    """By Kubernetes' own schemas, without a field too many: of the first version with image volumes, and a late one."""
    import kubernetes_validate  # late: its jsonschema takes two seconds

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
    texts = [path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.y*ml"))]
    blocks = [block.text for page in pages.PAGES for block in pages.blocks(page) if block.language == "yaml"]
    assert len(blocks) >= len(texts)
    for block in blocks:
        assert any(block in text for text in texts), block
    for text in texts:
        assert any(block in text for block in blocks), text


@pytest.fixture
def served(index: Index, wheels: Path, decoder_wheel: Path) -> Index:
    """Return an index on loopback with a wheel and the decoder."""
    build_wheel(wheels, "beta")
    shutil.copy(decoder_wheel, wheels / "pyzstd-0.15.10-cp37-cp37m-manylinux_2_17_x86_64.manylinux2014_x86_64.whl")
    return index


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[registry.Registry]:
    """Return a registry on loopback."""
    with registry.serve(tmp_path / "registry") as running:
        yield running


@pytest.fixture
def agent(airpack: Airpack, served: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeAgent:
    """Return what makes an agent with a project checked out: a lock, a local wheel, a program, a public key."""
    project, keys, store = tmp_path / "project", tmp_path / "keys", dict[str, Path]()
    (project / "wheels").mkdir(parents=True)
    keys.mkdir()
    build_wheel(project / "wheels", "alpha", requires=["beta"])
    (project / "smoke.py").write_text("import alpha, beta, sys; print('smoke', alpha.__file__, sys.version_info[:2])\n")
    monkeypatch.chdir(project)
    (wheel,) = (project / "wheels").iterdir()
    assert airpack("lock", "-q", f"./wheels/{wheel.name}", "--index-url", served.url, "-o", "pylock.toml") == 0, (
        airpack.err
    )
    assert airpack("keygen", "-q", "-o", keys / "team") == 0
    shutil.copy(keys / "team.pub", project)
    python = machine.python37().path.parent
    env = {"PATH": f"{python}:{os.environ['PATH']}", "PIP_INDEX_URL": served.url, "PIP_CONFIG_FILE": os.devnull}

    def make(name: str, **more: Any) -> pipelines.Agent:
        home = tmp_path / name
        shutil.copytree(project, home / "work")
        return pipelines.Agent(home=home, env=env, store=store, files={"team.key": keys / "team.key"}, **more)

    return make


def _run(path: Path, agent: pipelines.Agent, **given: str) -> dict[str, str]:
    """Run an action or a template with what is given by the action's names, and return its outputs by those names."""
    if path == ACTION:
        key = {"signing-key": agent.files["team.key"].read_text()} if "public-key" in given else {}
        return agent.action(path, given | key)
    names = {"public-key": "publicKey"}
    key = {"signingKey": "team.key"} if "public-key" in given else {}
    outputs = agent.template(path, {names.get(name, name): value for name, value in given.items()} | key)
    return {name.partition(".")[2]: value for name, value in outputs.items()}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pipelines' venv be this one: another test installs."""
    bin_folder = Path(sys.executable).parent

    def install(agent: pipelines.Agent, script: str) -> str:
        assert '-m venv "$' in script
        (agent.temporary / "airpack").mkdir(parents=True, exist_ok=True)
        (agent.temporary / "airpack" / "bin").symlink_to(bin_folder)
        return "\n".join(line for line in script.splitlines() if " -m venv " not in line and "/pip" not in line)

    monkeypatch.setattr(pipelines.Agent, "install", install)


BOTH = pytest.mark.parametrize("path", [ACTION, TEMPLATE], ids=["action", "template"])
PUSHED = {"run": "smoke.py", "public-key": "team.pub"}


@pytest.mark.slow
@BOTH
@pytest.mark.usefixtures("installed")
def test_a_pipeline_packs_checks_signs_and_pushes(path: Path, agent: MakeAgent, hub: registry.Registry) -> None:
    """Its outputs are what it made: the digest of a signed bundle, an SBOM, the image in the registry."""
    first = agent("first")
    outputs = _run(path, first, image=f"{hub.address}/models/fraud:{SHA}", **PUSHED)
    dist = first.home / "work" / "dist"
    manifest = json.loads((dist / "manifest.json").read_text())
    assert outputs["digest"] == f"sha256:{manifest['bundle']['digest'].removeprefix('sha256:')}"
    assert outputs["sbom"] == "dist/sbom.cdx.json"
    assert json.loads((first.home / "work" / outputs["sbom"]).read_text())["bomFormat"] == "CycloneDX"
    assert (dist / "bundle.tar.zst.sig").exists()
    assert re.fullmatch(rf"{hub.address}/models/fraud@sha256:[0-9a-f]{{64}}", outputs["image"])
    assert f"/v2/models/fraud/manifests/{SHA}" in {each.path for each in hub.requests("PUT")}
    assert re.search(r"^smoke .*/alpha\.py \(3, 7\)$", first.log["Gate"], re.MULTILINE), first.log["Gate"]
    if path != TEMPLATE:  # a code block of Markdown: nothing that a bundle names is markup
        summary = (first.home / "github_step_summary").read_text().splitlines()
        assert any(line.startswith("    alpha ") for line in summary)
        assert all(line.startswith("    ") for line in summary)
    private = next(line for line in first.files["team.key"].read_text().splitlines() if "-" not in line)
    assert not [each for each in first.home.rglob("*") if each.is_file() and private.encode() in each.read_bytes()]
    assert private not in "".join(first.log.values())


@pytest.mark.slow
@BOTH
@pytest.mark.usefixtures("installed")
def test_another_agent_with_the_cache_opens_no_connection(path: Path, agent: MakeAgent, served: Index) -> None:
    """The key holds airpack's version, the lock and the local wheels; what was packed is the same to the byte."""
    first = agent("first")
    _run(path, first)
    first.keep()
    (key,) = first.store
    assert __version__ in key
    asked = len(served.requests)
    second = agent("second", trace=first.home / "strace.log")
    _run(path, second)
    assert not re.search(r"connect\(.*AF_INET|pip_worker", (first.home / "strace.log").read_text())
    assert len(served.requests) == asked
    bundles = [(each.home / "work" / "dist" / "bundle.tar.zst").read_bytes() for each in (first, second)]
    assert bundles[0] == bundles[1]
    third = agent("third")
    build_wheel(third.home / "work" / "wheels", "gamma")
    _run(path, third)
    third.keep()
    assert len(third.store) == 2


@pytest.mark.slow
@BOTH
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("broken", ["program", "key"])
def test_what_fails_at_the_gate_is_not_pushed(
    path: Path, broken: str, agent: MakeAgent, airpack: Airpack, hub: registry.Registry
) -> None:
    """A program that fails with the packages, and a signature by another key than the repository's."""
    first = agent("first")
    work = first.home / "work"
    if broken == "program":
        (work / "smoke.py").write_text("import nothing_like_it\n")
    else:
        assert airpack("keygen", "-q", "-o", work / "other") == 0
        (work / "other.pub").replace(work / "team.pub")
    with pytest.raises(pipelines.StepFailed, match="nothing_like_it" if broken == "program" else "is asked for"):
        _run(path, first, image=f"{hub.address}/models/fraud:{SHA}", **PUSHED)
    assert not hub.requests("PUT")


@pytest.mark.network
@pytest.mark.slow
@BOTH
def test_a_pipeline_installs_airpack_from_the_repository(path: Path, tmp_path: Path) -> None:
    """With its extras, into an environment of its own: as the name on the index is nobody's."""
    env = {**os.environ, "PIP_COMPILE": "0"}  # what is imported here alone
    runner = pipelines.Agent(home=tmp_path, env=env, store={}, until="Install")
    (tmp_path / "work").mkdir()
    (tmp_path / "airpack").symlink_to(machine.ROOT)
    _run(path, runner)
    python = runner.temporary / "airpack" / "bin" / "python"
    done = machine.run(
        [str(python), "-c", "import airpack, urllib3, uv, cyclonedx, cryptography; print(airpack.__file__)"]
    )
    assert done.stdout.startswith(str(runner.temporary)), done.stderr
    assert __version__ in runner.known.values()


@pytest.mark.parametrize(("path", "used"), [(GITHUB, ACTION), (AZURE, TEMPLATE)], ids=["github", "azure"])
def test_a_pipeline_gives_what_its_steps_take(path: Path, used: Path) -> None:
    """Each input that it names exists, and it reads no output that isn't there."""
    (pipeline,), (steps,) = _documents(path), _documents(used)
    if path == GITHUB:
        job = pipeline["jobs"]["pack"]
        (call,) = [each for each in job["steps"] if each.get("id") == "airpack"]
        assert re.fullmatch(r"example/airpack/fixtures/ci@[0-9a-f]{40}", call["uses"])
        assert call["with"].keys() <= steps["inputs"].keys()
        read = re.findall(r"steps\.airpack\.outputs\.(\w+)", path.read_text(encoding="utf-8"))
        assert {*read} <= steps["outputs"].keys()
        return
    (call,) = [each for each in pipeline["steps"] if "template" in each]
    assert call["template"] == f"fixtures/ci/{used.name}@{pipeline['resources']['repositories'][0]['repository']}"
    assert call["parameters"].keys() <= {each["name"] for each in steps["parameters"]}


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
