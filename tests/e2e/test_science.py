"""scikit-learn and pandas from PyPI, packed here, booted in a real Python 3.7 without anything else."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack_runtime import layout
from support import machine, sandbox
from support.schemas import check_sbom

from .conftest import PACK

pytestmark = pytest.mark.network

TRAIN = """
import numpy, pandas, sklearn
from sklearn.linear_model import LogisticRegression
frame = pandas.DataFrame({"x": range(20), "y": [0] * 10 + [1] * 10})
model = LogisticRegression().fit(frame[["x"]].values, frame["y"])
print(pandas.__version__, numpy.__version__, sklearn.__version__, list(model.predict([[2], [18]])))
"""
EXPECTED = "1.3.5 1.21.6 1.0.2 [0, 1]\n"


def test_the_resolve_is_that_of_the_image(science: Path) -> None:
    """Pandas 1.3.5, not the 1.1.5 that `--python-version 3.7` gives elsewhere."""
    pins = dict(
        re.findall(r"^([\w-]+)==(\S+)", (science / "wheelhouse" / "requirements.txt").read_text(), re.MULTILINE)
    )
    assert {name: pins[name] for name in ("pandas", "numpy", "scipy", "scikit-learn")} == {
        "pandas": "1.3.5",
        "numpy": "1.21.6",
        "scipy": "1.7.3",
        "scikit-learn": "1.0.2",
    }


def test_exec_boots_it_in_a_locked_sandbox(science: Path, tmp_path: Path) -> None:
    """No network, uid 1000, read-only root; cold first, then from the cache."""
    python = machine.python37().path
    words = ["python3.7", "/dist/airpack-runtime.pyz", "exec"]
    words += ["--bundle", f"/dist/{layout.BUNDLE_NAME}", "--", "python3.7", "-c", TRAIN]
    tmp_path.chmod(0o777)
    for _ in range(2):
        done = sandbox.run(python, words, mounts={"/dist": science}, tmp=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, EXPECTED, "")
    (cache,) = tmp_path.glob("airpack-*")
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 1


def test_no_boot_opens_a_network_socket(science: Path, tmp_path: Path) -> None:
    """`strace -f` of a cold and a warm boot shows none."""
    python = machine.python37().path
    log = tmp_path / "strace.log"
    words = ["python3.7", "/dist/airpack-runtime.pyz", "exec"]
    words += ["--bundle", f"/dist/{layout.BUNDLE_NAME}", "--", "python3.7", "-c", TRAIN]
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o777)
    line = sandbox.command(python, words, mounts={"/dist": science}, env={}, tmp=tmp_path / "tmp")
    for _ in range(2):
        done = machine.run([machine.tool("strace"), "-f", "-e", "trace=socket,connect,execve", "-o", str(log), *line])
        assert done.returncode == 0, done.stderr
        calls = log.read_text()
        assert "python3.7" in calls
        assert "AF_INET" not in calls.split("airpack-runtime.pyz", 1)[1]


def test_the_dropin_boots_it_through_pythonpath(science: Path) -> None:
    """Nothing but an environment variable: how a stock image gets its packages."""
    python = machine.python37().path
    mounts = {"/dist": science}
    env = {"PYTHONPATH": "/dist/dropin", "AIRPACK_BUNDLE": f"/dist/{layout.BUNDLE_NAME}"}
    done = sandbox.run(python, ["python3.7", "-c", TRAIN], mounts=mounts, env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, EXPECTED, "")


def test_it_is_rebuilt_byte_for_byte(science: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the lock, the manifest and the wheels beside it."""
    assert main(["rebuild", "--no-progress", str(science)]) == 0
    assert f"rebuilt   {science}/bundle.tar.zst, byte for byte\n" in capsys.readouterr().out


def test_its_sbom_names_what_is_in_it(science: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Valid by the schema: nine packages, who needs whom, the libraries that numpy, scipy and scikit-learn bring."""
    assert main(["sbom", str(science)]) == 0
    text = capsys.readouterr().out
    check_sbom(text)
    data = json.loads(text)
    parts = {each["name"]: each for each in data["components"]}
    assert len(parts) == 9
    libraries = {each["name"] for part in parts.values() for each in part.get("components", ())}
    assert {"libgfortran", "libquadmath", "libopenblasp-r0", "libgomp"} <= libraries
    needs = {each["ref"]: set(each.get("dependsOn", ())) for each in data["dependencies"]}
    of_pandas = {name for name, part in parts.items() if part["bom-ref"] in needs[parts["pandas"]["bom-ref"]]}
    assert of_pandas == {"numpy", "python-dateutil", "pytz"}


@pytest.mark.parametrize("platform", ["manylinux_2_27_x86_64", "manylinux_2_17_x86_64"])
def test_wheels_stay_below_the_images_glibc(platform: str, tmp_path: Path) -> None:
    """Cryptography has wheels for newer systems; the audit's look at the symbols agrees with the tags."""
    wanted = ["cryptography==41.0.7", "lxml==4.9.4", "pyzmq==26.0.3"]
    words = [*PACK, *wanted, "--target", f"cp37-{platform}", "--no-bytecode", "-o", str(tmp_path / "dist")]
    assert main([*words, "--strict"]) == 0
    ceiling = int(platform.split("_")[2])
    for wheel in (tmp_path / "dist" / "wheelhouse").glob("*.whl"):
        glibc = [int(minor) for minor in re.findall(r"manylinux_2_(\d+)_", wheel.name)]
        assert not glibc or min(glibc) <= ceiling, wheel.name


@pytest.mark.usefixtures("target_python")
def test_the_inference_server_packs_with_its_sdist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """azureml-inference-server-http needs a wrapt that exists as an sdist alone: built under 3.7, and it starts."""
    monkeypatch.setenv("AIRPACK_CACHE_DIR", str(tmp_path / "trees"))
    monkeypatch.setenv("AIRPACK_LOG", "off")
    requirements = str(machine.FIXTURES / "server" / "requirements.txt")
    assert main([*PACK, "-r", requirements, "-o", str(tmp_path / "dist")]) == 0
    wheels = [path.name for path in (tmp_path / "dist" / "wheelhouse").glob("wrapt-*.whl")]
    assert len(wheels) == 1
    assert wheels[0].startswith("wrapt-1.12.1-cp37-cp37m-manylinux")
    airpack = str(Path(sys.executable).with_name("airpack"))
    done = machine.run([airpack, "run", str(tmp_path / "dist"), "--", "azmlinfsrv", "--help"])
    assert done.stdout.startswith("usage: azmlinfsrv "), done.stderr  # it ends with status 1 wherever it is installed


def test_flask_keeps_what_its_markers_want_for_37(tmp_path: Path) -> None:
    """Pip on 3.11 would lose these three silently."""
    assert main([*PACK, "flask==2.2.5", "-o", str(tmp_path / "dist"), "--no-bytecode"]) == 0
    pins = (tmp_path / "dist" / "wheelhouse" / "requirements.txt").read_text()
    names = set(re.findall(r"^([\w-]+)==", pins, re.MULTILINE))
    assert {"importlib-metadata", "typing-extensions", "zipp"} <= names


def test_a_locked_sandbox_boots_what_its_own_key_has_signed_and_nothing_else(science: Path, tmp_path: Path) -> None:
    """With the public key in the image's `/etc`, or in its environment: the science bundle, cold and warm."""
    python = machine.python37().path
    shutil.copy(science / layout.BUNDLE_NAME, tmp_path)
    image, cache = tmp_path / "etc", tmp_path / "cache"
    image.mkdir()
    cache.mkdir()
    cache.chmod(0o777)
    for name in ("team", "other"):
        assert main(["keygen", "-q", "-o", str(tmp_path / name)]) == 0
    shutil.copy(tmp_path / "team.pub", image / "key.pub")
    words = ["python3.7", "/shim/airpack-runtime.pyz", "exec", "--bundle", f"/dist/{layout.BUNDLE_NAME}"]
    words += ["--", "python3.7", "-c", TRAIN]
    mounts = {"/shim": science, "/dist": tmp_path, "/etc/airpack": image}

    def boot(**env: str) -> tuple[int, str, str]:
        done = sandbox.run(python, words, mounts=mounts, env=env, tmp=cache)
        return done.returncode, done.stdout, done.stderr

    unsigned = boot()
    assert unsigned[:2] == (97, "")
    assert unsigned[2].startswith(f"airpack: /dist/{layout.BUNDLE_NAME} is not signed: airpack sign it with the key ")
    assert main(["sign", "-q", str(tmp_path / layout.BUNDLE_NAME), "--key", str(tmp_path / "other.key")]) == 0
    assert boot()[:2] == (97, "")
    assert not list(cache.iterdir())
    assert main(["sign", "-q", str(tmp_path / layout.BUNDLE_NAME), "--key", str(tmp_path / "team.key")]) == 0
    for _ in range(2):
        assert boot() == (0, EXPECTED, "")
    (image / "key.pub").unlink()
    assert boot(AIRPACK_PUBLIC_KEY="/dist/team.pub") == (0, EXPECTED, "")
    other = "".join((tmp_path / "other.pub").read_text().splitlines()[1:-1])
    assert boot(AIRPACK_PUBLIC_KEY=other)[:2] == (97, "")
