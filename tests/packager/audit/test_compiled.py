"""Which compiled files the image's loader would load, and what of them can't be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from airpack.audit.compiled import Compiled, libraries_in, unloadable
from airpack.audit.elf import ELFError
from airpack.audit.finding import ERROR, NOTE, WARNING
from airpack.audit.manylinux import Needs
from airpack.resolve.lock import LockedWheel
from airpack.target.target import Target

TARGET = Target.parse("cp37-manylinux_2_27_x86_64")
WHEEL = LockedWheel(name="one", version="1.0", filename="one-1.0-py3-none-any.whl", url="", sha256="")
NEW = {"GLIBC": frozenset([(2, 34)])}


def _needs(
    machine: str = "EM_X86_64", *, libraries: tuple[str, ...] = (), new: bool = False, program: bool = False
) -> Needs:
    return Needs(
        machine=machine,
        versions=NEW if new else {},
        libraries=libraries,
        program=program,
        modules=frozenset({"fast", "pkg"}),
    )


@pytest.mark.parametrize(
    ("name", "needs", "severities"),
    [
        ("pkg/fast.so", _needs("EM_AARCH64"), [ERROR]),
        ("pkg/fast.abi3.so", _needs("EM_AARCH64"), [ERROR]),
        ("pkg/fast.cpython-37m-x86_64-linux-gnu.so", _needs("EM_386"), [ERROR]),
        ("pkg/__init__.cpython-37m-x86_64-linux-gnu.so", _needs("EM_386"), [ERROR]),
        ("pkg/fast.cpython-36m-x86_64-linux-gnu.so", _needs("EM_AARCH64"), [NOTE]),
        ("pkg/fast.cpython-37m-aarch64-linux-gnu.so", _needs("EM_AARCH64"), [NOTE]),
        ("pkg/attach_linux_x86.so", _needs("EM_386"), [NOTE]),
        ("pkg/kernel.cubin", _needs("EM_190"), [NOTE]),
        ("pkg/trace.bpf.o", _needs("EM_247"), [NOTE]),
        ("bin/helper", _needs("EM_ARM of 32 bits", program=True), [NOTE]),
        ("pkg/fast.so", _needs(new=True), [ERROR]),
        ("pkg/lib_lightgbm.so", _needs(new=True), [ERROR]),
        ("bin/helper", _needs(new=True, program=True), [WARNING]),
        ("pkg/fast.so", _needs(libraries=("libx.so.1",)), [WARNING]),
        ("pkg/fast.so", _needs(), []),
        ("pkg/firmware.bin", ELFError("odd"), [NOTE]),
        ("pkg/libx.so.1", ELFError("odd"), [ERROR]),
    ],
)
def test_an_error_is_what_the_loader_would_load(name: str, needs: Needs | ELFError, severities: list[str]) -> None:
    """Helpers for other machines are notes; a program that fails when it is run is a warning."""
    found = list(
        unloadable([Compiled(wheel=WHEEL, path=f"lib/python3.7/site-packages/{name}", needs=needs)], (), TARGET)
    )
    assert [finding.severity for finding in found] == severities


def test_a_library_for_another_machine_is_an_error_if_a_module_needs_it() -> None:
    """Unless there is one of its name for the image's machine, which the loader takes."""
    module = Compiled(wheel=WHEEL, path="lib/python3.7/site-packages/fast.so", needs=_needs(libraries=("libx.so",)))
    foreign = Compiled(wheel=WHEEL, path="lib/python3.7/site-packages/arm/libx.so", needs=_needs("EM_AARCH64"))
    fitting = Compiled(wheel=WHEEL, path="lib/python3.7/site-packages/x86/libx.so", needs=_needs())
    bundled = libraries_in([foreign.path, fitting.path])
    (error,) = unloadable([module, foreign], bundled, TARGET)
    assert str(error) == (
        "error: one 1.0: lib/python3.7/site-packages/arm/libx.so is for another machine (EM_AARCH64): "
        "require a version whose wheel fits, or build it for the target"
    )
    (note,) = unloadable([module, foreign, fitting], bundled, TARGET)
    assert note.severity == NOTE


@pytest.mark.parametrize(
    ("libraries", "told"),
    [
        (None, ["libGL.so.1", "libx.so.1"]),
        (["libGL.so.1", "libc.so.6", "libz.so.1"], ["libx.so.1"]),
        (["libc.so.6", "libx.so.1"], ["libGL.so.1", "libz.so.1"]),
    ],
)
def test_the_image_has_the_libraries_of_its_profile(libraries: list[str] | None, told: list[str]) -> None:
    """And without one, those of its platform that slim images have."""
    target = replace(TARGET, libraries=None if libraries is None else frozenset(libraries))
    asked = ("libGL.so.1", "libc.so.6", "libown.so", "libx.so.1", "libz.so.1", "ld-linux-x86-64.so.2")
    file = Compiled(wheel=WHEEL, path="lib/python3.7/site-packages/fast.so", needs=_needs(libraries=asked))
    assert [finding.sentence.split()[2] for finding in unloadable([file], {"libown.so"}, target)] == told


def test_strangers_of_one_kind_are_one_note() -> None:
    """GPU code comes in hundreds of files."""
    files = [
        Compiled(wheel=WHEEL, path=f"lib/python3.7/site-packages/{number}.cubin", needs=_needs("EM_190"))
        for number in range(300)
    ]
    (note,) = unloadable(files, (), TARGET)
    sentence = "lib/python3.7/site-packages/0.cubin is for another machine (EM_190), and 299 more"
    assert str(note) == f"note: one 1.0: {sentence}: nothing in the image loads it"


def test_nothing_is_known_of_musl() -> None:
    """Its symbols have no versions."""
    file = Compiled(wheel=WHEEL, path="lib/python3.7/site-packages/fast.so", needs=_needs("EM_AARCH64"))
    assert list(unloadable([file], (), Target.parse("cp37-musllinux_1_1_x86_64"))) == []
