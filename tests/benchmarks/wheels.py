"""Wheels of the index, installed by the pip of the target's Python and by airpack: what differs in files and modes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from airpack.audit.oddities import findings_of
from airpack.base.errors import InvalidWheel
from benchmarks.comparing import DIFFERENT, SAME, Outcome, compare_all, lines_of, not_compared
from support import like_pip, machine, trees

NAMES = Path(__file__).with_name("wheels.txt")
_SECONDS = 600  # for one wheel
_PLATFORMS = ("manylinux_2_27_x86_64", "manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "any")


def measure(scratch: Path, names: Path, jobs: int, say: Callable[[str], None]) -> None:
    """Compare one wheel of each project in the file `names`, and print what differs, and what airpack tells."""
    compare_all(lines_of(names), lambda name: _compare(name, scratch / name), jobs, say)


def _compare(project: str, folder: Path) -> Outcome:
    """Return how the trees of a project's wheel compare, and a line for each difference and oddity."""
    folder.mkdir()
    try:
        wheel = download(project, folder)
        like_pip.install(wheel, folder / "pip")
        part = trees.installed(wheel, folder / "airpack")
        different = like_pip.differences(folder / "pip", part.prefix)
    except subprocess.SubprocessError as error:
        return not_compared(error)
    except InvalidWheel as error:
        return DIFFERENT, [str(error)]
    finally:
        subprocess.run(["rm", "-rf", folder], check=True)
    told = [finding.sentence for finding in findings_of(part.wheel, part.oddities)]
    return DIFFERENT if different else SAME, [*_shortened(different), *told]


def download(requirement: str, folder: Path) -> Path:
    """Return the wheel that the pip of Python 3.7 takes for the default target. Raises CalledProcessError."""
    line = [str(machine.python37().path), "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
    platforms = [word for platform in _PLATFORMS for word in ("--platform", platform)]
    line += ["--only-binary", ":all:", *platforms, "-d", str(folder), requirement]
    subprocess.run(line, check=True, capture_output=True, text=True, timeout=_SECONDS)
    (wheel,) = folder.glob("*.whl")
    return wheel


def _shortened(differences: list[str]) -> Iterator[str]:
    yield from differences[:5]
    if len(differences) > 5:
        yield f"and {len(differences) - 5} more differences"
