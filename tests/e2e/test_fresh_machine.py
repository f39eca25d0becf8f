"""The README's first command on a machine that is just installed: Python 3.11 and pip, no uv, no compiler."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import fresh_root, machine, python_mirror

pytestmark = [pytest.mark.network, pytest.mark.slow]

_NO_ACCESS = {"UV_PYTHON_INSTALL_MIRROR": "http://127.0.0.1:9/python", "UV_HTTP_RETRIES": "0"}
_FAILED = "(uv, 3.7.9 from 127.0.0.1:9: Connection refused (os error 111))"
_EXTRA = "pip install -e '/srv[python]' lets airpack download one, or give --python PATH"


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """The machine: its root, a clone of this project at /srv, a home folder."""

    root: Path
    clone: Path
    home: Path

    def run(self, shell: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a line of shell in the clone, for ten minutes at most."""
        mounts = {"/srv": self.clone, "/root": self.home}
        line = fresh_root.command(self.root, ["sh", "-c", f"cd /srv && {shell}"], mounts=mounts, env=env)
        return subprocess.run(line, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    """Return a machine with a clone of what lies here; what its commands write, it keeps."""
    place = tmp_path_factory.mktemp("fresh")
    (place / "home").mkdir()
    listed = machine.run(["git", "-C", str(machine.ROOT), "ls-files"])
    assert listed.returncode == 0, listed.stderr
    for name in listed.stdout.splitlines():
        if not name.startswith("tests/") and (machine.ROOT / name).is_file():
            (place / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(machine.ROOT / name, place / "clone" / name)
    return Fresh(root=fresh_root.make(), clone=place / "clone", home=place / "home")


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return the variables that send uv to a mirror on loopback."""
    made = python_mirror.make(tmp_path / "mirror")
    with python_mirror.serve(made) as served:
        yield made.env(served.url)


def _first_command() -> str:
    readme = (machine.ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^    (python3 -m venv .*airpack run .*)$", readme, re.MULTILINE)
    assert found is not None
    return found[1]


def test_the_readmes_first_command(fresh: Fresh, mirror: dict[str, str]) -> None:
    """It ends with 0 and prints the versions; the interpreter comes from the mirror, which one line says."""
    lacking = "for tool in uv cc gcc pyenv python3.7; do command -v $tool && exit 1; done; python3 --version"
    assert fresh.run(lacking).stdout.startswith("Python 3.11.")
    done = fresh.run(_first_command(), **mirror)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "pandas 1.3.5 scikit-learn 1.0.2"
    host = mirror["UV_PYTHON_INSTALL_MIRROR"].removeprefix("http://")
    version = machine.python37().version
    told = [line for line in done.stderr.splitlines() if line.startswith("python  ")]
    into = "/root/.cache/airpack-pack/python"
    assert told[0] == f"python    {version} from {host}, downloaded by uv into {into}"
    used = f"{into}/cpython-{version}-linux-x86_64-gnu/bin/python3.7"
    assert told[1:] == [f"python    {version}, {used}, without this machine's packages"]
    assert "no Python 3.7" not in done.stderr
    assert not (fresh.home / ".cache" / "uv").exists()
    assert not (fresh.home / ".local").exists()


@pytest.mark.parametrize(
    ("installed", "why", "remedy"),
    [("-e '.[python]'", f" {_FAILED}", "solve that, or give --python PATH"), ("-e .", "", _EXTRA)],
    ids=["uv without a mirror", "no uv"],
)
def test_without_a_mirror(fresh: Fresh, installed: str, why: str, remedy: str) -> None:
    """Pack, lock, verify and run each say in one line what they went without, and what to do."""
    shutil.rmtree(fresh.home / ".cache" / "airpack-pack" / "python", ignore_errors=True)
    made = fresh.run(f"python3 -m venv --clear .venv && .venv/bin/pip install -q {installed}")
    assert made.returncode == 0, made.stderr
    missing = f"no Python 3.7 was found{why}"
    packed = fresh.run(".venv/bin/airpack pack six==1.16.0 -o small", **_NO_ACCESS)
    assert packed.returncode == 0, packed.stderr
    lost = "bytecode, builds of sdists and the import check"
    assert _told(packed) == [f"note: {missing}: going without {lost}; {remedy}"]
    locked = fresh.run(".venv/bin/airpack lock six==1.16.0 -o small.toml", **_NO_ACCESS)
    assert locked.returncode == 0, locked.stderr
    assert _told(locked) == [f"note: {missing}: going without builds of sdists; {remedy}"]
    verified = fresh.run(".venv/bin/airpack verify small", **_NO_ACCESS)
    assert verified.returncode == 0, verified.stderr
    assert _told(verified) == [f"note: bundle.tar.zst was not imported: {missing}: {remedy}"]
    ran = fresh.run(".venv/bin/airpack run small -- python -c 'import six'", **_NO_ACCESS)
    own = "or pack for this machine's Python 3.11: airpack pack --target here"
    assert ran.returncode == 1
    assert _told(ran) == [f"airpack: error: {missing} to run small with: {remedy}; {own}"]


def test_the_machines_own_python(fresh: Fresh) -> None:
    """What the message of `run` suggests works: a pack for this machine boots on it."""
    packed = fresh.run(".venv/bin/airpack pack six==1.16.0 --target here -o own", **_NO_ACCESS)
    assert packed.returncode == 0, packed.stderr
    assert _told(packed) == []
    ran = fresh.run(".venv/bin/airpack run own -- python -c 'import six; print(six.__version__)'", **_NO_ACCESS)
    assert (ran.returncode, ran.stdout) == (0, "1.16.0\n"), ran.stderr


def _told(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the lines that speak of a missing Python."""
    return [line for line in (done.stdout + done.stderr).splitlines() if "no Python" in line]
