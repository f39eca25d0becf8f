"""The ways to get a project for the image, each as its own documentation says: what it runs, and for how long at most.

In the command lines stand

    {name}              what is required
    {airpack} {uv} {pex} {pip} {python}   programs: the packager's, and the image's Python
    {image_pip}         the image's own pip
    {out}               a folder of its own, empty before
    {platform}          the image as a pex complete platform
    {tags}              pip's options for the image: every platform that it accepts
    {check}             the program that imports what was packed, see `trial`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from airpack.target.target import Target
from benchmarks.peers import AIRPACK

LOCK, PACK, IMPORT = "lock", "pack", "import"
_UV = "{uv} pip compile -q --no-header --python-platform x86_64-manylinux_2_17 --python-version 3.7"
# A project that is listed by `--find-links` is taken from there, and nowhere else.
_INSTALL = "{image_pip} install -q --dry-run --ignore-installed --no-index --find-links {out}/wheels {name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A command line of a way; `limit` is in seconds."""

    line: str
    limit: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """A way to get a project: its steps by what they do, each of which needs the one before."""

    steps: Mapping[str, Step]
    why: str = ""


WAYS = {
    AIRPACK: Way(
        steps={
            LOCK: Step(line="{airpack} lock -q {name} --python {python} -o {out}/pylock.toml", limit=900),
            PACK: Step(line="{airpack} pack --level 1 {name} --python {python} -o {out}/dist", limit=1800),
            IMPORT: Step(line="{check} {out}/dist {name}", limit=600),
        },
        why="on defaults; what a package needs and doesn't require is added, and what is too new goes back; of what "
        "was packed, the modules of the project itself are imported, by airpack's proof and in a sandbox that has the "
        "shim, the bundle and a Python 3.7 alone",
    ),
    "uv pip compile": Way(
        steps={LOCK: Step(line=_UV + " {out}/requirements.in -o {out}/requirements.txt", limit=300)},
        why="the newest glibc of which it knows no newer than the image's is 2.17; it names versions, and builds "
        "sources only to read what they require: whether they can be had for the image isn't tried",
    ),
    "uv pip compile --only-binary": Way(
        steps={
            LOCK: Step(line=_UV + " --only-binary :all: {out}/requirements.in -o {out}/requirements.txt", limit=300)
        },
        why="it names versions that have a wheel",
    ),
    "pip download": Way(
        steps={
            LOCK: Step(line="{pip} download -q --only-binary=:all: {tags} -d {out}/wheels {name}", limit=120),
            PACK: Step(line=_INSTALL, limit=120),
        },
        why="every tag of the image is given; what was downloaded counts as packed if the image's own pip finds in it "
        "all that is required (`pip install --dry-run --no-index`): pip read the markers with the packager's Python",
    ),
    "pex": Way(
        steps={
            PACK: Step(
                line="{pex} --complete-platform {platform} --pex-root {out}/root -o {out}/app.pex {name}", limit=180
            )
        },
        why="`--complete-platform` with the image's tags and markers",
    ),
}


def options_of_pip(target: Target) -> list[str]:
    """Return the options by which `pip download` is told of another platform, with every tag that it accepts."""
    platforms = dict.fromkeys(tag.platform for tag in target.tags if tag.platform != "any")
    abis = [target.python_tag + "m", "abi3", "none"]
    words = [f"--platform={platform}" for platform in platforms] + [f"--abi={abi}" for abi in abis]
    return ["--implementation=cp", f"--python-version={target.python_version}", *words]
