"""What the arguments name: requirements and files of them, or a lock of any tool's."""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from airpack.base.console import Lines
from airpack.base.errors import AirpackError, InvalidLock, InvalidRequirement, UsageError
from airpack.cli import inputs, options, pip_options
from airpack.requirements.requirements import Listing, Requirements
from airpack.resolve.lock import Lock
from airpack.resolve.pylock_writer import dumps
from airpack.target.target import Target
from support import locks
from support.wheels import build_wheel

PROJECT = (
    "[project]\nname = 'mine'\nversion = '1'\ndependencies = ['alpha']\n"
    "[project.optional-dependencies]\nfast = ['beta>1']\n[dependency-groups]\ntest = ['gamma']\n"
)
POETRY = (
    "[tool.poetry]\nname = 'mine'\nversion = '1'\n[tool.poetry.dependencies]\npython = '^3.7'\nalpha = '^1.2'\n"
    "beta = { version = '*', optional = true }\n[tool.poetry.extras]\nfast = ['beta']\n"
    "[tool.poetry.group.test.dependencies]\ngamma = '*'\n"
)


class Named:
    """The arguments of a command, read; `shown` is what was written for the user meanwhile."""

    def __init__(self) -> None:
        self._shown = io.StringIO()

    def __call__(self, *words: object) -> tuple[Target, Requirements | Lock]:
        """Return what these words name, and the target."""
        parser = argparse.ArgumentParser()
        options.add_target(options.add_requirements(parser))
        pip_options.add_index(parser)
        parser.add_argument("--lock", type=Path)
        parser.add_argument("-v", "--verbose", action="store_true")
        arguments = parser.parse_args([*map(str, words), "--no-index"])
        return inputs.what_to_pack(arguments, os.environ, Lines(self._shown))

    def requirements(self, *words: object) -> Requirements:
        """Return the requirements that these words name."""
        _, wanted = self(*words)
        assert isinstance(wanted, Requirements)
        return wanted

    @property
    def shown(self) -> list[str]:
        """The lines that were shown, but for the one about the target."""
        return [line for line in self._shown.getvalue().splitlines() if not line.startswith("target ")]


@pytest.fixture
def named(plain_env: None) -> Named:
    """Return what reads the words of a command line."""
    return Named()


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_pyproject_is_read_and_other_files_are_pips(tmp_path: Path, named: Named) -> None:
    """Its dependencies and the named extra and group join the requirements of the command line."""
    project, more = _write(tmp_path / "any.toml", PROJECT), _write(tmp_path / "more.txt", "epsilon\n")
    words = ["delta", "-r", project, "-r", more, "-c", "limits.txt", "--extra", "fast", "--group", "test"]
    wanted = named.requirements(*words)
    assert [*wanted.specifications] == ["delta", "alpha", "beta>1", "gamma"]
    assert [*wanted.files] == [str(more)]
    assert [*wanted.constraints] == ["limits.txt"]


def test_a_project_of_poetrys_kind_is_read(tmp_path: Path, named: Named) -> None:
    """By poetry-core: its constraints, extras and groups."""
    project = _write(tmp_path / "pyproject.toml", POETRY)
    assert [*named.requirements("-r", project).specifications] == ["alpha (>=1.2,<2.0)"]
    wanted = named.requirements("-r", project, "--extra", "fast", "--group", "test")
    assert sorted(wanted.specifications) == ["alpha (>=1.2,<2.0)", "beta", "gamma"]


def test_a_script_is_read(tmp_path: Path, named: Named) -> None:
    """Its block of requirements (PEP 723)."""
    script = _write(tmp_path / "run", "# /// script\n# dependencies = ['alpha>1']\n# ///\nimport alpha\n")
    assert [*named.requirements("-r", script).specifications] == ["alpha>1"]


def test_standard_input_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: Named, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Requirements, whose files lie in the current folder, and whatever else a file may be."""
    monkeypatch.chdir(tmp_path)

    def read(text: str) -> Requirements | Lock:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return named("-r", "-")[1]

    lines = [f"-r {tmp_path}/more.txt", "alpha", f"{tmp_path}/mine"]
    wanted = read("-r more.txt\nalpha\n./mine\n")
    assert isinstance(wanted, Requirements)
    assert [*wanted.listings] == [Listing(source="standard input", lines=lines)]
    wanted = read(PROJECT)
    assert isinstance(wanted, Requirements)
    assert [*wanted.specifications] == ["alpha"]
    assert isinstance(read(locks.path_of("uv", "pylock.toml").read_text()), Lock)


def test_a_pipe_is_read_once(named: Named) -> None:
    """As the shell's <(command) gives it."""
    reading, writing = os.pipe()
    os.write(writing, b"alpha\n")
    os.close(writing)
    wanted = named.requirements("-r", f"/dev/fd/{reading}")
    os.close(reading)
    assert [[*listing.lines] for listing in wanted.listings] == [["alpha"]]


@pytest.mark.parametrize("option", ["-r", "-c"])
def test_a_file_that_only_this_process_has_open_is_read_here(named: Named, tmp_path: Path, option: str) -> None:
    """As `-r /dev/stdin <FILE` gives it: pip's process has another standard input."""
    path = tmp_path / "some.txt"
    path.write_text("alpha<2\n")
    with path.open() as file:
        wanted = named.requirements("beta", option, f"/dev/fd/{file.fileno()}")
    assert [[*listing.lines] for listing in wanted.listings] == [["alpha<2"]]
    assert [listing.constrains for listing in wanted.listings] == [option == "-c"]
    assert (wanted.files, wanted.constraints) == ([], [])


def test_standard_input_can_hold_constraints(named: Named, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or requirements, but not both."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"alpha<2\n")))
    (listing,) = named.requirements("beta", "-c", "-").listings
    assert listing == Listing(source="standard input", lines=["alpha<2"], constrains=True)
    with pytest.raises(UsageError, match="standard input can be read only once"):
        named("-r", "-", "-c", "-")


def test_a_constraints_file_is_one_of_pips(named: Named, tmp_path: Path) -> None:
    """Another kind of file is told; what a pip can't find is left to it."""
    lock = locks.path_of("uv", "pylock.toml")
    with pytest.raises(InvalidRequirement) as raised:
        named("beta", "-c", lock)
    assert str(raised.value) == (
        f"{lock} is a pylock.toml, not a constraints file: give the wheelhouse's requirements.txt, or a file of lines "
        "such as pandas==1.3.5"
    )
    with pytest.raises(InvalidRequirement, match="is a conda environment, not a constraints file: give a file of"):
        named("beta", "-c", locks.path_of("conda", "azureml.yaml"))
    absent = str(tmp_path / "absent")
    assert named.requirements("beta", "-c", absent).constraints == [absent]


def test_condas_file_gives_what_stands_under_pip(named: Named) -> None:
    """As Azure ML has it: Python and pip are the image's own."""
    wanted = named.requirements("-r", locks.path_of("conda", "azureml.yaml"))
    assert [[*listing.lines] for listing in wanted.listings] == [
        ["azureml-inference-server-http~=0.8.0", "scikit-learn==1.0.2"]
    ]
    assert (wanted.specifications, named.shown) == ([], [])


@pytest.mark.slow
def test_condas_packages_end_the_pack(named: Named, wheels: Path) -> None:
    """Each is listed, with what the index has of its name for the target."""
    build_wheel(wheels, "numpy", "1.21.6", tag="cp37-cp37m-manylinux_2_17_x86_64")
    build_wheel(wheels, "numpy", "1.26.4", tag="cp39-cp39-manylinux_2_17_x86_64")
    build_wheel(wheels, "pandas", "2.0.3")
    path = locks.path_of("conda", "environment.yml")
    with pytest.raises(InvalidRequirement) as raised:
        named("-r", path, "--find-links", wheels)
    assert str(raised.value) == (
        f"{path} asks for packages of conda's, which are not wheels: numpy=1.21 (the index has numpy 1.21.6), "
        "conda-forge::pandas>=1.3,<1.4 (the index has others of it), six 1.16.* (the index has none), openssl (the "
        "index has none): write what is needed under pip:, or take from the index what it has of these names with "
        "--conda-from-index"
    )


@pytest.mark.slow
def test_condas_packages_come_from_the_index_if_the_user_says_so(named: Named, wheels: Path) -> None:
    """Each is told, with what it is taken as; so is another release of Python than the file names."""
    for name, version in (("numpy", "1.21.6"), ("pandas", "1.3.5"), ("six", "1.16.0")):
        build_wheel(wheels, name, version)
    path = locks.path_of("conda", "environment.yml")
    wanted = named.requirements("-r", path, "--conda-from-index", "--find-links", wheels)
    assert [*wanted.specifications] == ["numpy==1.21.*", "pandas>=1.3,<1.4", "six==1.16.*"]
    assert [[*listing.lines] for listing in wanted.listings] == [["requests==2.28.2", f"-r {path.parent}/more.txt"]]
    assert named.shown == [
        f"note: {path} asks for Python ==3.7.12, the target is taken as 3.7.17: --python-version names another",
        f"note: {path}: numpy=1.21 is taken from the index as numpy==1.21.*",
        f"note: {path}: conda-forge::pandas>=1.3,<1.4 is taken from the index as pandas>=1.3,<1.4",
        f"note: {path}: six 1.16.* is taken from the index as six==1.16.*",
        f"warning: {path}: openssl is left out: the index has none",
    ]


def test_what_conda_lists_is_read(named: Named, wheels: Path) -> None:
    """The packages that pip had installed there; those of conda's only if the user says so."""
    build_wheel(wheels, "certifi", "2022.12.7")
    path = locks.path_of("conda", "export.txt")
    wanted = named.requirements("-r", path, "--conda-from-index", "--find-links", wheels)
    assert [*wanted.specifications] == ["certifi==2022.12.7"]
    assert f"warning: {path}: _libgcc_mutex=0.1=main is left out: the index has none" in named.shown
    assert [[*listing.lines] for listing in wanted.listings] == [["requests==2.28.2"]]


def test_the_freeze_of_a_conda_environment_is_told(named: Named) -> None:
    """Which line, and what to do; the index is asked only if the user says so."""
    path = locks.path_of("conda", "freeze.txt")
    with pytest.raises(InvalidRequirement) as raised:
        named("-r", path)
    assert str(raised.value) == (
        f"{path}: line 1 (and 1 more lines): 'certifi @ file:///croot/certifi_1665076670883/work/certifi' names where "
        "conda built it, which isn't here: make the file by 'pip list --format=freeze', or take it from the index with "
        "--conda-from-index"
    )
    wanted = named.requirements("-r", path, "--conda-from-index")
    assert [[*listing.lines] for listing in wanted.listings] == [["certifi", "numpy==1.21.6", "six==1.16.0"]]
    assert named.shown[0].endswith("certifi_1665076670883/work/certifi is taken as certifi")


@pytest.mark.parametrize("option", ["-r", "--lock"])
@pytest.mark.parametrize("folder", ["uv", "poetry", "poetry-1.8", "pipenv"])
def test_a_lock_of_another_tool_is_taken_as_it_is(folder: str, option: str, named: Named) -> None:
    """Whichever option names it: its versions and hashes are what pip is to find, and nothing is resolved."""
    name = {"uv": "uv.lock", "pipenv": "Pipfile.lock"}.get(folder, "poetry.lock")
    target, lock = named(option, locks.path_of(folder, name))
    assert isinstance(lock, Lock)
    exported = locks.exported(folder, "main", target)
    found = dict(line.split(" ")[0].split("==") for line in lock.to_find if " @ " not in line)
    assert found == {name: version for name, (version, _) in exported.items()}
    assert lock.access.options == ()


def test_a_pylock_names_its_target(tmp_path: Path, target: Target, named: Named) -> None:
    """Given with -r as with --lock."""
    other = Target.parse("cp39-manylinux_2_28_aarch64")
    path = _write(tmp_path / "pylock.toml", dumps(Lock(target=other, requirements=("alpha",), wheels=()), tmp_path))
    for option in ("-r", "--lock"):
        found, lock = named(option, path)
        assert found.name == other.name
        assert isinstance(lock, Lock)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nothing to pack: name requirements, or a file with -r"),
        (["-c", "limits.txt"], "nothing to pack: name requirements, or a file with -r"),
        (["alpha", "--extra", "x"], "--extra names an extra of a project: give its pyproject.toml with -r"),
        (["wants.txt"], "wants.txt names a file: write -r wants.txt"),
        (["uv.lock"], "uv.lock names a file: write -r uv.lock"),
        (["Pipfile.lock"], "Pipfile.lock names a file: write -r Pipfile.lock"),
        (
            ["./nowhere[x]"],
            "./nowhere[x] does not exist: give the path of a project, or a requirement such as pandas==1.3.5",
        ),
    ],
)
def test_requirements_that_can_not_be_meant_are_usage_errors(words: list[str], message: str, named: Named) -> None:
    """With what to write instead."""
    with pytest.raises(UsageError) as raised:
        named(*words)
    assert str(raised.value) == message


def test_a_project_may_have_the_name_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: Named) -> None:
    """ruamel.yaml is one, unless a file of that name is there."""
    monkeypatch.chdir(tmp_path)
    _, source = named("ruamel.yaml")
    assert isinstance(source, Requirements)
    assert source.specifications == ["ruamel.yaml"]
    _write(tmp_path / "ruamel.yaml", "name: environment\n")
    with pytest.raises(UsageError, match=r"ruamel\.yaml names a file: write -r ruamel\.yaml"):
        named("ruamel.yaml")


@pytest.mark.parametrize("more", [["alpha"], ["-c", "limits.txt"], ["-r", locks.path_of("poetry", "poetry.lock")]])
def test_a_lock_is_all_that_is_packed(more: list[Any], named: Named) -> None:
    """Nothing is added to it, as nothing was resolved together with it."""
    path = locks.path_of("uv", "uv.lock")
    with pytest.raises(UsageError) as raised:
        named("-r", path, *more)
    assert str(raised.value).startswith(f"{path} is a lock, and lists everything to pack: leave out ")


def test_what_is_not_a_lock_is_not_packed_as_one(tmp_path: Path, named: Named) -> None:
    """It says what the file is, and how to give it."""
    for path, kind in (
        (_write(tmp_path / "r.txt", "alpha\n"), "a requirements file"),
        (locks.path_of("conda", "azureml.yaml"), "a conda environment"),
        (_write(tmp_path / "pyproject.toml", PROJECT), "a pyproject.toml"),
    ):
        with pytest.raises(InvalidLock) as raised:
            named("--lock", path)
        assert str(raised.value) == f"{path}: is {kind}, not a lock: give it with -r"
    with pytest.raises(AirpackError, match=r"p\.toml: is not TOML: "):
        named("--lock", _write(tmp_path / "p.toml", "lock-version\n"))


def test_a_lock_for_nothing_is_refused(tmp_path: Path, named: Named) -> None:
    """A bundle of nothing is of no use."""
    path = _write(tmp_path / "uv.lock", "version = 1\nrequires-python = '>=3.7'\n")
    with pytest.raises(AirpackError) as raised:
        named("-r", path)
    assert str(raised.value) == f"nothing is left to pack: {path} locks nothing for cp37-manylinux_2_27_x86_64"
