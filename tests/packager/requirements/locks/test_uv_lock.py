"""uv.lock, as uv made them."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.base import toml
from airpack.base.errors import InvalidLock, InvalidRequirement, UnknownMarker
from airpack.requirements.locks import uv_lock
from airpack.requirements.locks.pins import Choice, Pins
from airpack.resolve.lock import IndexAccess
from airpack.target.target import Target
from support import locks

FILES = {"uv": "uv.lock", "uv-workspace": "uv.lock", "uv-script": "script.py.lock"}
EXPORTS = [(folder, export) for folder in FILES for export in locks.exports(folder)]


def _read(folder: str, target: Target, choice: Choice) -> Pins:
    path = locks.path_of(folder, FILES[folder])
    return uv_lock.read(path, toml.read(path), target, choice)


@pytest.mark.parametrize(("folder", "export"), EXPORTS)
@pytest.mark.parametrize("name", ["cp37-manylinux_2_27_x86_64", "cp39-manylinux_2_28_aarch64"])
def test_packages_are_those_that_uv_exports(folder: str, export: str, name: str) -> None:
    """For a project, a workspace with extras that conflict, and a script; by extras and groups; with all hashes."""
    target = Target.parse(name)
    pins = _read(folder, target, locks.choice(export))
    assert locks.pinned(pins) == locks.exported(folder, export, target)


def test_projects_themselves_are_packed_too(target: Target) -> None:
    """As uv installs them: the project of the lock, the members of a workspace, and a folder that they name."""
    for folder, places in (("uv", {"uvp": ""}), ("uv-workspace", {"a": "a", "b": "b", "c": "c"})):
        urls = {pin.name: pin.url for pin in _read(folder, target, Choice()).pins if pin.url}
        assert urls == {name: (locks.LOCKS / folder / place).as_uri() for name, place in places.items()}


def test_a_project_that_is_not_beside_its_lock_is_left_out(tmp_path: Path, target: Target) -> None:
    """And told: the lock alone was copied."""
    path = tmp_path / "uv.lock"
    path.write_bytes(locks.path_of("uv", "uv.lock").read_bytes())
    pins = uv_lock.read(path, toml.read(path), target, Choice())
    assert [pin for pin in pins.pins if pin.url] == []
    assert pins.notes == (f"note: {path}: uvp itself is left out: {tmp_path} holds no project",)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (Choice(extras=["quick"]), "has no extra 'quick': it has all, fast"),
        (Choice(groups=["docs"]), "has no dependency group 'docs': it has dev, serve"),
    ],
)
def test_what_the_lock_does_not_have_is_refused(choice: Choice, message: str, target: Target) -> None:
    """With what it has."""
    with pytest.raises(InvalidRequirement) as raised:
        _read("uv", target, choice)
    assert str(raised.value) == f"{locks.path_of('uv', 'uv.lock')} {message}"


def test_a_lock_for_another_python_is_refused() -> None:
    """Its requires-python is held against the target."""
    with pytest.raises(InvalidRequirement, match=r"uv\.lock is for Python >=3\.7, <3\.10, the target has 3\.11\."):
        _read("uv", Target.parse("cp311-manylinux_2_28_x86_64"), Choice())


_ROOT = '[[package]]\nname = "x"\nversion = "1"\nsource = { virtual = "." }\n'


_UNHASHED = (
    '[[package]]\nname = "y"\nversion = "1"\nsource = { registry = "https://index/simple" }\nwheels = [{ url = "u" }]\n'
)


def _written(tmp_path: Path, text: str, target: Target) -> Pins:
    path = tmp_path / "uv.lock"
    path.write_text(text)
    return uv_lock.read(path, toml.read(path), target, Choice())


def test_origins_other_than_an_index_are_kept(tmp_path: Path, target: Target) -> None:
    """A commit with its folder, a URL and a local wheel with their hashes; a named index and a folder of wheels."""
    names = "git", "url", "wheel", "named", "flat"
    edges = ", ".join(f'{{ name = "{name}" }}' for name in names)
    text = f"version = 1\n{_ROOT}dependencies = [{edges}]\n" + "".join(
        f'[[package]]\nname = "{name}"\nversion = "1"\nsource = {{ {source} }}\n{files}\n'
        for name, source, files in (
            ("git", 'git = "https://host/x/y?subdirectory=sub&rev=v1#0123abc"', ""),
            ("url", 'url = "https://host/url-1.tar.gz"', 'sdist = { hash = "sha256:aa" }'),
            ("wheel", 'path = "wheels/w-1-py3-none-any.whl"', 'wheels = [{ filename = "w", hash = "sha256:bb" }]'),
            ("named", 'registry = "https://index/simple"', 'wheels = [{ url = "u", hash = "sha256:cc" }]'),
            ("flat", 'registry = "wheels"', 'wheels = [{ path = "f", hash = "sha256:dd" }]'),
        )
    )
    pins = _written(tmp_path, text, target)
    assert [pin.line for pin in pins.pins] == [
        "flat==1 --hash=sha256:dd",
        "git @ git+https://host/x/y@0123abc#subdirectory=sub",
        "named==1 --hash=sha256:cc",
        "url @ https://host/url-1.tar.gz --hash=sha256:aa",
        f"wheel @ {tmp_path.as_uri()}/wheels/w-1-py3-none-any.whl --hash=sha256:bb",
    ]
    assert pins.index_options() == ["--index-url", "https://index/simple", "--find-links", f"{tmp_path}/wheels"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version = 2\n", "is a uv.lock of version 2, airpack reads version 1: write what it reads by uv export "),
        ("version = 1\nsupported-markers = [\"sys_platform == 'win32'\"]\n", "does not fit cp37-manylinux_2_27_x86_64"),
        (f'version = 1\n{_ROOT}dependencies = [{{ name = "y" }}]\n', "has no y for cp37-manylinux_2_27_x86_64"),
        (
            f'version = 1\n{_ROOT}dependencies = [{{ name = "y" }}]\n{_UNHASHED}',
            "has no sha256 for y: lock again with an index that tells hashes",
        ),
    ],
)
def test_a_lock_that_can_not_be_packed_is_refused(text: str, message: str, tmp_path: Path, target: Target) -> None:
    """With the reason."""
    with pytest.raises(InvalidLock) as raised:
        _written(tmp_path, text, target)
    assert str(raised.value).startswith(f"{tmp_path / 'uv.lock'}: {message}")


def test_no_index_of_a_lock_is_more_than_one_word(tmp_path: Path, target: Target) -> None:
    """In the line of a requirements file that names it; none ends that line."""
    text = f'version = 1\n{_ROOT}dependencies = [{{ name = "y" }}]\n' + _UNHASHED.replace(
        '"u"', '"u", hash = "sha256:aa"'
    )
    for registry in ("https://h/simple --trusted-host h", "my wheels"):
        options = _written(tmp_path, text.replace("https://index/simple", registry), target).index_options()
        assert IndexAccess(options=tuple(options)).lines == [f"{options[0]} '{options[1]}'"]
        assert options[1].endswith(registry)
    for control in ("\\n", "\\u2028"):
        with pytest.raises(ValueError, match="an index with a control character"):
            _written(tmp_path, text.replace("https://index/simple", f"https://h/{control}--pre"), target)


def test_a_marker_that_needs_more_than_the_target_tells_is_an_error(tmp_path: Path, target: Target) -> None:
    """No guess is made."""
    edge = """{ name = "y", marker = "platform_release >= '5'" }"""
    with pytest.raises(UnknownMarker):
        _written(tmp_path, f"version = 1\n{_ROOT}dependencies = [{edge}]\n", target)


def test_extras_that_bring_more_extras_all_the_time_are_refused(tmp_path: Path, target: Target) -> None:
    """Each walk through the packages finds one more, and takes longer than the last one."""
    packages = [{"name": "d", "source": {"virtual": "."}, "dependencies": [{"name": "d0", "extra": ["e"]}]}]
    for number in range(60):
        need = {"name": f"d{number + 1}", "extra": ["e"], "marker": f"extra == 'extra-{len(f'd{number}')}-d{number}-e'"}
        packages.append({"name": f"d{number}", "dependencies": [need], "optional-dependencies": {"e": []}})
    data = {"version": 1, "requires-python": ">=3.7", "package": [*packages, {"name": "d60"}]}
    with pytest.raises(InvalidLock, match=r"uv\.lock: has extras that depend on each other without end: lock again$"):
        uv_lock.read(tmp_path / "uv.lock", data, target, Choice())
