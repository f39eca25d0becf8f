"""The examples of the README and of docs/: each page's commands are run in order, and print the lines that it shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from airpack.base import cache
from airpack.cli.app import main
from airpack.results.folder import Results
from airpack_runtime import layout
from support import machine, pages, registry
from support.pages import Block, Command

pytestmark = pytest.mark.network

_PATIENCE = 600  # seconds for one command
# From where the wheels come differs with the machine's index.
_ELSEWHERE = "origin "
# A store and a registry of the pages, in whose place a folder and one on loopback are.
_STORE, _REGISTRY = "az://models", "registry.example"
# What the tests of each page need besides Python: program, and the Debian package that has it.
_TOOLS = {"containers": ("mkfs.erofs", "erofs-utils"), "trust": ("openssl", "openssl")}
_EXAMPLES = [page for page in pages.PAGES if any(block.is_run for block in pages.blocks(page))]


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The folder in which a page's commands run, and the address of the registry that they push to."""

    folder: Path
    registry: str = ""

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command line, with airpack, pip and Python 3.7 on its PATH, and return what it printed."""
        python37 = machine.python37().path.parent
        env = {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}:{python37}:{os.environ['PATH']}",
            "COLUMNS": "80",
            "AIRPACK_CACHE_DIR": str(self.folder / "cache"),
            "XDG_CACHE_HOME": str(self._cache()),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        line = ["/bin/sh", "-c", f"{{ {command.rstrip()}\n}} 2>&1"]
        return subprocess.run(
            line, cwd=self.folder, env=env, stdout=subprocess.PIPE, text=True, timeout=_PATIENCE, check=False
        )

    def _cache(self) -> Path:
        """Return a cache that is the other tests' but for bundles that were imported: whoever reads a page has none."""
        own = cache.folder({"XDG_CACHE_HOME": str(self.folder / "xdg")})
        if not own.exists():
            own.mkdir(parents=True)
            for shared in cache.folder(os.environ).iterdir():
                if shared.name != cache.PROOFS:
                    (own / shared.name).symlink_to(shared)
        return own.parent

    def here(self, text: str, digest: str = "") -> str:
        """Return text of a page with what this place has instead of its store, registry and digest."""
        text = text.replace(_STORE, f"file://{self.folder}/models")
        text = text.replace(f"{_REGISTRY}/", f"{self.registry}/") if self.registry else text
        return re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{digest}", text) if digest else text


def _shape(line: str) -> str:
    """Return a line without what a release, or a machine, makes different: numbers, hashes, spaces.

    Whether a boot unpacks or finds the tree there depends on the machine's earlier ones.
    """
    line = re.sub(r"^airpack: (unpacked|cached): .* \((sha256:\w+, \w+); .*", r"airpack: boot (\2)", line)
    line = re.sub(r"\b[0-9a-f]{12,64}\b", "HASH", line)
    return " ".join(re.sub(r"\d[\d,.]*", "N", line).split())


def _is_shown(line: str, printed: list[str]) -> bool:
    """Return whether a line of a page is among those that were printed; `...` in it stands for anything."""
    pattern = ".*".join(map(re.escape, _shape(line).split("...")))
    return any(re.fullmatch(pattern, _shape(each)) for each in printed)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of packing Flask."""
    folder = tmp_path_factory.mktemp("web") / "dist"
    assert main(["pack", "-q", "flask==2.2.5", "-o", str(folder), "--no-import"]) == 0
    return folder


def _copy(results: Path, folder: Path) -> None:
    shutil.copytree(results, folder, copy_function=os.link, ignore=shutil.ignore_patterns("dropin", "*.pyz"))


def _prepare(name: str, place: Path, science: Path, older: Path, web: Path) -> None:
    """Put into `place` what a page takes for granted: its requirements, what was packed before, the shim, a program."""
    heavy = name in ("README", "packing", "inspect", "trust", "registry", "stores")
    requirements = "scikit-learn==1.0.2\npandas==1.3.5\n" if heavy else "flask==2.2.5\n"
    (place / "requirements.txt").write_text(requirements)
    (place / "score.py").write_text('import pandas\nprint("ready: pandas", pandas.__version__)\n')
    if name == "boot":
        (place / "score.py").write_text("import flask\n")
    for program, module in (("airpack", "airpack"), ("pip", "pip")):
        (place / "bin").mkdir(exist_ok=True)
        (place / "bin" / program).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        (place / "bin" / program).chmod(0o755)
    shutil.copy(science / "airpack-runtime.pyz", place)
    if name not in ("README", "quickstart"):
        _copy(science if heavy else web, place / "dist")
    more: dict[str, Callable[[], None]] = {
        "inspect": lambda: _prepare_inspect(place, science, older),
        "registry": lambda: _prepare_registry(place, older),
        "stores": lambda: _copy(older, place / "older"),
        "packing": lambda: _prepare_fleet(place),
        "inputs": lambda: _prepare_project(place),
    }
    more.get(name, lambda: None)()


def _prepare_inspect(place: Path, science: Path, older: Path) -> None:
    """Add the bundle before the update, and one with a damaged frame."""
    _copy(older, place / "older")
    data = bytearray((science / layout.BUNDLE_NAME).read_bytes())
    with Results.at(science).open_bundle() as opened:
        data[opened.toc.frames[50].offset] ^= 1
    (place / "damaged.tar.zst").write_bytes(data)


def _prepare_registry(place: Path, older: Path) -> None:
    """Add the bundle before the update, and an SBOM beside the newer one."""
    _copy(older, place / "older")
    assert main(["sbom", "-q", str(place / "dist"), "-o", str(place / "dist" / "sbom.cdx.json")]) == 0


def _prepare_fleet(place: Path) -> None:
    """Add the page's own fleet.toml, and the file that it names."""
    page = machine.ROOT / "docs" / "packing.md"
    (fleet,) = (block.text for block in pages.blocks(page) if block.language == "toml")
    (place / "fleet.toml").write_text(fleet)
    (place / "fraud").mkdir()
    shutil.copy(place / "requirements.txt", place / "fraud")


def _prepare_project(place: Path) -> None:
    """Add a project with an extra and a dependency group, another's lock, and an environment of conda's."""
    shutil.copy(machine.ROOT / "fixtures" / "locks" / "uv" / "uv.lock", place)
    (place / "conda.yaml").write_text("dependencies:\n- python=3.7\n- pip:\n  - flask==2.2.5\n")
    (place / "pyproject.toml").write_text(
        '[project]\nname = "churn"\nversion = "1.0"\ndependencies = ["click"]\n'
        '[project.optional-dependencies]\nserve = ["flask==2.2.5"]\n[dependency-groups]\nruntime = ["tqdm"]\n'
    )


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path, science: Path, older: Path, web: Path) -> Iterator[Place]:
    """Return the place that a page's commands run in; for the page of registries, with one that runs."""
    name = request.param.stem
    if name in _TOOLS:
        machine.tool(*_TOOLS[name])
    folder = tmp_path / "page"
    folder.mkdir()
    _prepare(name, folder, science, older, web)
    if name != "registry":
        yield Place(folder=folder)
        return
    with registry.serve(tmp_path / "registry") as running:
        yield Place(folder=folder, registry=running.address)


@pytest.mark.parametrize(
    ("page", "place"), [(page, page) for page in _EXAMPLES], indirect=["place"], ids=lambda p: p.stem
)
def test_the_commands_of_a_page_print_what_it_shows(page: Path, place: Place) -> None:
    """Line for line, in the page's order, but for numbers; `...` stands for what is left out."""
    for block in pages.blocks(page):
        if block.is_run:
            for command in block.commands():
                _check(page, block, command, place)


def _check(page: Path, block: Block, command: Command, place: Place) -> None:
    dist = place.folder / "dist" / layout.BUNDLE_NAME
    digest = ""
    if dist.exists():
        with Results.at(dist).open_bundle() as opened:
            digest = opened.file.digest
    done = place.run(place.here(command.line, digest))
    where = f"{page.name}:{block.number}: {command.line}\n{done.stdout}"
    if block.language == pages.SHELL:
        assert done.returncode == 0, where
    shown = [line for line in command.output if line and not line.lstrip().startswith(("... (", _ELSEWHERE))]
    for line in map(place.here, shown):
        assert _is_shown(line, done.stdout.splitlines()), f"{line!r} is not printed by {where}"


def test_what_a_first_start_prints_is_shown_in_full(science: Path, older: Path, web: Path, tmp_path: Path) -> None:
    """Nothing that `airpack pack` says is left out of the README's first example."""
    _prepare("README", tmp_path, science, older, web)
    first = next(each for block in pages.blocks(pages.PAGES[0]) if block.is_run for each in block.commands())
    done = Place(folder=tmp_path).run(first.line)
    assert done.returncode == 0, done.stdout
    printed = {_shape(line) for line in done.stdout.splitlines()}
    assert printed - {_shape(line) for line in first.output} == set()


def test_a_program_activates_a_bundle_by_itself(web: Path, tmp_path: Path) -> None:
    """As docs/boot.md shows it, but for the bundle's place."""
    (code,) = (block.text for block in pages.blocks(machine.ROOT / "docs" / "boot.md") if block.language == "python")
    (tmp_path / "program.py").write_text(code.replace("/models/bundle.tar.zst", str(web / layout.BUNDLE_NAME)))
    assert main(["shim", "-q", "-o", str(tmp_path / "airpack-runtime.pyz")]) == 0
    env = {**os.environ, "PYTHONPATH": "airpack-runtime.pyz", "AIRPACK_CACHE_DIR": str(tmp_path / "cache")}
    line = [str(machine.python37().path), "program.py"]
    done = subprocess.run(line, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_first_command_works_on_a_fresh_machine(tmp_path: Path) -> None:
    """In a copy of the repository, with a virtual environment of its own, as `Try it` has it."""
    try_it = re.findall(r"^    (python3 .*)$", pages.prose(pages.PAGES[0]), re.MULTILINE)
    ignored = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "dist", ".hypothesis")
    shutil.copytree(machine.ROOT, tmp_path / "airpack", ignore=ignored)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(Path(sys.executable).resolve())
    env = {
        **os.environ,
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "AIRPACK_CACHE_DIR": str(tmp_path / "cache"),
    }
    env.pop("VIRTUAL_ENV", None)
    done = subprocess.run(
        ["/bin/sh", "-c", try_it[0]],
        cwd=tmp_path / "airpack",
        env=env,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    assert done.stdout.splitlines()[-1:] == ["pandas 1.3.5 scikit-learn 1.0.2"], done.stderr
