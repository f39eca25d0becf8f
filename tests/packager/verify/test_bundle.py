"""A bundle by itself: its table of contents, RECORDs, tags and compiled files."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from airpack.bundle.opened import OpenBundle
from airpack.verify import bundle
from airpack_runtime import layout
from airpack_runtime.format import toc
from support.airpack import Airpack
from support.bundles import GOLDEN, rewritten
from support.wheels import build_wheel


def _first(change: Callable[[toc.File], toc.File]) -> Callable[[toc.Toc], toc.Toc]:
    return lambda old: old._replace(files=(change(old.files[0]), *old.files[1:]))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda old: old, None),
        (
            _first(lambda file: file._replace(mode=0o644)),
            "has bin/alpha-hello in its tar with another type, mode, size, target or place than it lists",
        ),
        (
            _first(lambda file: file._replace(path="bin/alpha-hallo")),
            "has bin/alpha-hello in its tar, but does not list it",
        ),
        (
            lambda old: old._replace(links=(old.links[0]._replace(target=old.files[0].path), *old.links[1:])),
            "links to bin/alpha-hello, which has another content",
        ),
        (
            lambda old: old._replace(directories=tuple(each for each in old.directories if each != "bin")),
            "has a folder bin/ in its tar that it doesn't list so",
        ),
        (
            lambda old: old._replace(
                distributions=tuple(
                    each._replace(wheel="gamma-1.0-cp39-none-any.whl") if each.name == "gamma" else each
                    for each in old.distributions
                )
            ),
            "gamma comes as gamma-1.0-cp39-none-any.whl, which cp37-manylinux_2_27_x86_64 does not take: pack for its",
        ),
        (
            lambda old: old._replace(target="cp37-windows"),
            "cp37-windows is not a target (target 'cp37-windows' is not understood: ",
        ),
        (
            lambda old: old._replace(distributions=old.distributions[:-1]),
            "its table of contents assigns its files to distributions inconsistently",
        ),
        (
            lambda old: old._replace(distributions=(old.distributions[0]._replace(version=7), *old.distributions[1:])),
            "its table of contents lacks or mistypes ",
        ),
    ],
)
def test_a_table_of_contents_that_says_otherwise_than_the_tar(
    airpack: Airpack, tmp_path: Path, change: Callable[[toc.Toc], toc.Toc], sentence: str | None
) -> None:
    """Every hash agrees, but `tar -x` and a boot would write different trees, or it doesn't make sense."""
    path = tmp_path / layout.BUNDLE_NAME
    rewritten(path, change)
    assert airpack("verify", "--no-import", path) == (0 if sentence is None else 1)
    assert sentence is None or sentence in airpack.out


@pytest.mark.slow
def test_compiled_files_are_held_against_the_target(airpack: Airpack, wheels: Path, library: Path) -> None:
    """As the audit does, but by a lone bundle: here one that was packed for a newer image, and says otherwise."""
    build_wheel(wheels, "one", files={"one/new.so": (library / "new.so").read_bytes(), "one/libother.so": b""})
    assert airpack.pack("one", "--no-import", "--target", "cp37-manylinux_2_36_x86_64") == 0
    path = airpack.output / layout.BUNDLE_NAME
    assert airpack.findings(path, status=0) == []
    alone = airpack.output.with_name("alone.tar.zst")
    rewritten(alone, lambda old: old._replace(target="cp37-manylinux_2_27_x86_64"), path)
    (found,) = airpack.findings(alone)
    assert found.startswith(
        "error: one 1.0: lib/python3.7/site-packages/one/new.so needs GLIBC_2.34, the "
        "target has GLIBC_2.27: require a version"
    )


def test_a_whole_bundle_gives_its_records() -> None:
    """By the names of its distributions, each with the paths that are its own."""
    with OpenBundle.at(GOLDEN) as opened, ThreadPoolExecutor(2) as executor:
        verified = bundle.verify(opened, GOLDEN.name, executor=executor)
        names = [share.name for share in opened.toc.distributions]
    assert verified.findings == []
    assert [*verified.records] == names
    for name, record in verified.records.items():
        assert (record.name, record.path in record.rows) == (name, True)
        assert {*record.rows} <= {*(record.own or ())}


def test_a_distribution_without_a_record_is_an_error(tmp_path: Path) -> None:
    """What it installed cannot be checked."""

    def without(old: toc.Toc) -> toc.Toc:
        renamed = (
            file._replace(path=f"{file.path}.old") if "/gamma-" in file.path and file.path.endswith("/RECORD") else file
            for file in old.files
        )
        return old._replace(files=tuple(renamed))

    path = tmp_path / "forged"
    rewritten(path, without)
    with OpenBundle.at(path) as opened, ThreadPoolExecutor(2) as executor:
        verified = bundle.verify(opened, "forged", executor=executor)
    assert "error: gamma 1.0 has no RECORD: pack again" in map(str, verified.findings)
    assert sorted(verified.records) == ["alpha", "beta"]


@pytest.mark.slow
def test_a_wheelhouse_in_the_bundle_holds_the_wheels_that_were_packed(
    airpack: Airpack, wheels: Path, tmp_path: Path
) -> None:
    """By their names and hashes; another wheel in it is an error."""
    build_wheel(wheels, "one")
    assert airpack.pack("one", "--with-wheelhouse", "--no-import") == 0
    path = airpack.output / layout.BUNDLE_NAME
    assert airpack.findings(path, status=0) == []
    forged = tmp_path / "forged"
    rewritten(
        forged, lambda old: old._replace(distributions=(old.distributions[0]._replace(sha256="0" * 64),)), source=path
    )
    assert airpack.findings(forged) == [
        "error: one 1.0: wheelhouse/one-1.0-py3-none-any.whl is not the wheel that it was packed from: pack again"
    ]
