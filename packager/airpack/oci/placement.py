"""Puts a bundle from a registry where the user wants it: the bytes that were pushed, and what belongs beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.errors import BootError
from airpack_runtime.reader import open_bundle

from airpack import output, staging
from airpack.contents import MANIFEST
from airpack.errors import InvalidLayout, OutputRefused, RegistryError, UsageError
from airpack.oci import reassembly
from airpack.oci.access import Access
from airpack.oci.pull import pull
from airpack.oci.reference import Reference
from airpack.progress import Progress

_SUFFIX = ".zst"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pulled:
    """What was pulled: the image by its digest, the bundle with its own, and what lies beside it."""

    reference: Reference
    path: Path
    size: int
    digest: str
    beside: tuple[Path, ...]


def place(access: Access, where: Path, *, platform: str = "", progress: Progress) -> Pulled:
    """Pull an image, and put its bundle into the folder `where`, or into that file if its name ends in `.zst`.

    An earlier bundle there is replaced, with its signature and SBOM; nothing else is: raises OutputRefused. Raises
    RegistryError, or UsageError where there is no image of the platform; then nothing was changed.
    """
    file = where if where.name.endswith(_SUFFIX) and not where.is_dir() else where / layout.BUNDLE_NAME
    check(file)
    folder = file.parent
    with staging.scratch_in(folder) as scratch, _told_of(access, scratch / "layout"):
        got, image = pull(
            access,
            scratch / "layout",
            choose=lambda each: reassembly.choose(each, platform),
            kinds=reassembly.KINDS,
            progress=progress,
        )
        restored = reassembly.restore(got, scratch / "bundle")
        names = _names(file)
        staged = {each: folder / names[each.name] for each in (restored.path, *restored.beside)}
        gone = [folder / name for name in names.values() if folder / name not in staged.values()]
        size = restored.path.stat().st_size
        staging.place(staged, gone=gone, aside=scratch)
    return Pulled(
        reference=access.reference.at(image.digest),
        path=file,
        size=size,
        digest=restored.digest,
        beside=tuple(place for place in staged.values() if place != file),
    )


@contextmanager
def _told_of(access: Access, path: Path) -> Iterator[None]:
    """Let what is wrong with the layout `path` be told of the image in the registry: that is what the user knows."""
    try:
        yield
    except InvalidLayout as error:
        raise RegistryError(str(access.reference), f"it {error.problem}: push it again, or pull another") from error
    except UsageError as error:
        raise UsageError(str(error).replace(str(path), str(access.reference))) from error


def check(file: Path) -> None:
    """Raise OutputRefused if a bundle at `file` would replace something else, or not fit what lies beside it."""
    folder = file.parent
    if folder.exists() and not folder.is_dir():
        raise OutputRefused(folder, "is no folder: give --output another name")
    if file.name == layout.BUNDLE_NAME and (folder / MANIFEST).exists():
        raise OutputRefused(folder, "holds what a pack wrote: give --output a folder of its own")
    if file.exists() or file.is_symlink():
        try:
            with open_bundle(str(file)) as bundle:
                bundle.toc()
        except (BootError, OSError):
            raise OutputRefused(file, "is no bundle: move it away, or give --output another name") from None
    output.check_sbom(folder / _names(file)[output.SBOM_NAME])


def _names(file: Path) -> dict[str, str]:
    """Return how what belongs to the bundle `file` is called there, by its name in a folder of results."""
    names = {layout.BUNDLE_NAME: file.name, output.SBOM_NAME: output.SBOM_NAME}
    signature = layout.BUNDLE_NAME + layout.SIGNATURE_SUFFIX
    names[signature] = file.name + layout.SIGNATURE_SUFFIX
    if file.name != layout.BUNDLE_NAME:
        names[output.SBOM_NAME] = f"{file.name.removesuffix(_SUFFIX).removesuffix('.tar')}.cdx.json"
    return names
