"""The line that a boot logs, and those behind it: what is shadowed, what the tree breaks, what the image lacks."""

from __future__ import annotations

import os
import sys

from airpack_runtime import activation, boot, cache
from airpack_runtime.ready import CACHED, INHERITED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

    from airpack_runtime.ready import Ready

SIDE_BY_SIDE = "the shim, which checked it, lies beside it: whoever may change the one may change the other"
EXPLAINED = "; explained by: "


def write(ready: Ready, env: Mapping[str, str], *, always: bool = False) -> None:
    """Write the text of a boot to standard error, if there is any."""
    lines = text(ready, env, always=always)
    if lines:
        say(lines)


def say(text: str) -> None:
    """Write a line to standard error. A failure is ignored: the program must still run."""
    if sys.stderr is None:  # it is closed, and its descriptor may be another file's by now
        return
    try:  # noqa: SIM105 - contextlib takes longer to import
        # Past its buffer: text that can't be written would fail again at the program's end, and change its status.
        os.write(2, (text + "\n").encode("utf-8", "backslashreplace"))
    except OSError:
        pass


def with_doctor(message: object, shim: str, bundle: str | None = None) -> str:
    """Return the message of an end with status 97, with the command that explains it.

    `shim` is the path of the shim's folder or zipapp, `bundle` what the command line named. A shell reads the command.
    """
    import shlex

    place = shim if os.path.isfile(shim) else shim + "/airpack_runtime"
    words = [sys.executable or "python3", place, "doctor", *(["--bundle", bundle] if bundle else [])]
    return f"{message}{EXPLAINED}AIRPACK_ON_ERROR=continue {' '.join(map(shlex.quote, words))}"


def text(ready: Ready, env: Mapping[str, str], *, always: bool) -> str:
    """Return the text to log for a boot, empty if nothing is to be logged.

    A boot that found its tree ready is logged only with `always`, or if AIRPACK_LOG is `text` or `json`;
    with `off`, none is. What is shadowed, and what the tree breaks, is told by the boot that makes it ready, and
    wherever AIRPACK_LOG asks: to look for it takes longer than to find the tree. What the image lacks is told only by
    the boot that unpacks the bundle, as nothing else reads its table of contents.
    """
    form = env.get("AIRPACK_LOG", "")
    if form == "off" or (not ready.created and not always and form not in ("text", "json")):
        return ""
    facts = _facts(ready, env, compare=form in ("text", "json") or ready.how not in (CACHED, INHERITED))
    if form == "json":
        import json

        from airpack_runtime.errors import printable_facts

        return json.dumps(printable_facts(facts))
    told = {"shadowed": "shadowed", "breaks": "this breaks what the image has", "lacks": "this image lacks"}
    lines = [_line(ready, facts), *(f"airpack: {told[name]}: {'; '.join(facts[name])}" for name in told if facts[name])]
    if any(not line.isprintable() or {*line} & {*"@?#"} for line in lines):  # to import it takes time
        from airpack_runtime.errors import printable

        lines = list(map(printable, lines))
    return "\n".join(lines)


def _facts(ready: Ready, env: Mapping[str, str], *, compare: bool) -> dict[str, Any]:
    """Return what there is to say of a boot, as JSON takes it; with `compare`, of the image and the tree as well."""
    pinned, signer = bool(env.get("AIRPACK_DIGEST")), _signer(ready)
    facts: dict[str, Any] = {
        "event": "airpack boot",
        "strategy": ready.how,
        "bundle": ready.bundle,
        "target": ready.target,
        "digest": f"sha256:{ready.digest}" if ready.digest else None,
        "pinned": pinned,
        "signed_by": signer or None,
        "writable_by_others": "" if pinned or signer else _writers(ready.bundle),
        "tree": ready.tree,
        "passed_over": ready.passed_over,
        "bytes": ready.size,
        "milliseconds": {phase: round(seconds * 1e3, 1) for phase, seconds in ready.phases},
        "shadowed": [],
        "breaks": [],
        "lacks": [],
    }
    if compare:
        from airpack_runtime.image import conflicts, installed, libraries

        site = activation.site_of(ready.tree)
        won = conflicts.winners(conflicts.modules_in(site), site, sys.modules)
        shadowed = conflicts.shadowed(won, installed.distributions([site]).values()) if won else {}
        facts["shadowed"] = list(shadowed.values())
        facts["breaks"] = conflicts.broken(site, sys.path, shadowed)
        facts["lacks"] = libraries.absent(ready.needs, env)
    return facts


def _line(ready: Ready, facts: Mapping[str, Any]) -> str:
    signer = facts["signed_by"]
    trust = ", ".join([f"signed by {signer}"] * bool(signer) + ["pinned"] * facts["pinned"]) or "unpinned"
    size = f"{ready.size / 1e6:.1f} MB, " if ready.size else ""
    phases = ", ".join(f"{phase} {duration:.1f} ms" for phase, duration in facts["milliseconds"].items())
    about = f"sha256:{ready.digest[:12]}, {trust}" if ready.digest else "of no bundle"
    line = f"airpack: {ready.how}: {ready.tree} ({about}{'; ' if size or phases else ''}{size}{phases})"
    return line + _warnings(ready, facts["writable_by_others"])


def _warnings(ready: Ready, writers: str) -> str:
    text = f"; anyone who may write to {writers} decides what is imported: set AIRPACK_DIGEST" if writers else ""
    if ready.signer and is_beside_shim(ready.bundle):
        text += f"; {SIDE_BY_SIDE}"
    folder = os.path.dirname(ready.tree)
    volume = open_volume(folder) if folder in cache.candidates(os.environ) else ""
    if volume:
        text += f"; anyone who may write to {volume} could replace what is imported: chmod +t {volume}"
    if ready.passed_over:
        text += f"; AIRPACK_CACHE_DIR was passed over: {ready.passed_over}"
    return text


def open_volume(folder: str) -> str:
    """Return the file system's top above `folder` in which others could replace it, empty if there is none."""
    place = os.path.realpath(folder)
    while place != "/":
        place = os.path.dirname(place)
        if cache.is_open(os.lstat(place)):
            return place
    return ""


def is_beside_shim(bundle: str) -> bool:
    """Return whether the shim lies in the bundle's folder, as in a drop-in: an attacker could then change both."""
    return boot.shim_folder() == (bundle if os.path.isdir(bundle) else os.path.dirname(bundle))


def _signer(ready: Ready) -> str:
    if not ready.signer:
        return ""
    from airpack_runtime.format import signature

    return signature.key_id(ready.signer)


def _writers(bundle: str) -> str:
    """Return the bundle or its folder if users other than root and this one may write to it, else empty."""
    for place in (bundle, os.path.dirname(bundle)):
        try:
            info = os.stat(place)
        except OSError:
            continue
        sticky = info.st_mode & 0o1000 and place != bundle
        if (info.st_mode & 0o022 and not sticky) or info.st_uid not in (0, os.getuid()):
            return place
    return ""
