"""The shim's command line: runs a command with a bundle's packages, unpacks a bundle, describes an image."""

from __future__ import annotations

import argparse
import os
import sys

if not __package__:  # its folder was named to Python, which then looks for modules in there
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from airpack_runtime import __version__, activation, boot, host, layout, trust
from airpack_runtime.errors import BootError, printable, reason_of, unread, with_doctor
from airpack_runtime.image import azure
from airpack_runtime.ready import MODES, TREE, Ready
from airpack_runtime.startup import INTERRUPTED, log_boot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Sequence

    from airpack_runtime.care.maintenance import CachedTree

_PYTHONS = ("python", "python3", f"python3.{sys.version_info[1]}")
NOT_EXECUTABLE, NOT_FOUND = 126, 127  # as shells end for a file that they can't run, or a command that they can't find


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except BootError as error:
        if arguments.verbose:
            raise
        bundle = getattr(arguments, "bundle", None)
        _warn(with_doctor(error, boot.shim_root(), bundle) if error.status == BootError.status else error)
        return error.status
    except OSError as error:  # standard output is full, or closed
        _warn(f"{error.filename or 'standard output'}: {reason_of(error)}")
        return BootError.status
    except KeyboardInterrupt:
        _warn("interrupted; nothing was left behind")
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    description = "Provide a bundle's Python packages, without a network."
    parser = argparse.ArgumentParser(prog="airpack-runtime", description=description)
    parser.add_argument("--version", action="version", version=f"airpack_runtime {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command")
    commands.required = True

    execute = commands.add_parser("exec", help="run a command that finds the packages")
    _add_bundle(execute)
    execute.add_argument("--tree", metavar="DIR", help="a tree that is mounted already, instead of a bundle")
    execute.add_argument("--mode", choices=MODES, help="how the tree is provided (default: AIRPACK_MODE, or auto)")
    execute.add_argument("words", metavar="COMMAND", nargs=argparse.REMAINDER, help="-- COMMAND [ARG ...]")
    execute.set_defaults(run=_exec)

    unpack = commands.add_parser("unpack", help="write the bundle's tree into a folder")
    _add_bundle(unpack)
    unpack.add_argument("folder", metavar="DIR", help="a folder that is empty, or doesn't exist yet")
    unpack.set_defaults(run=_unpack)

    doctor = commands.add_parser("doctor", help="explain what a boot would do here, and what interferes")
    _add_bundle(doctor)
    doctor.add_argument("--json", action="store_true", help="as JSON")
    doctor.set_defaults(run=_doctor)

    probe = commands.add_parser("probe", help="print the image's profile, for airpack pack --target image.json")
    probe.set_defaults(run=_probe)

    verify = commands.add_parser("verify", help="compare the bundle's unpacked trees with it, and replace damaged ones")
    _add_bundle(verify)
    verify.set_defaults(run=_verify)

    umount = commands.add_parser("umount", help="unmount the images that boots have mounted")
    umount.set_defaults(run=_umount)

    _add_cache(commands.add_parser("cache", help="list or prune unpacked trees"))
    return parser


def _add_cache(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(metavar="ACTION")
    actions.required = True
    actions.add_parser("list", help="tell what lies in the cache folders").set_defaults(run=_cache_list)
    prune = actions.add_parser("prune", help="remove trees that no process uses")
    prune.add_argument("--keep", metavar="N", type=int, help="all but the N last used")
    prune.add_argument("--older-than", metavar="DAYS", type=float, help="those that were last used so long ago")
    prune.set_defaults(run=_cache_prune)


def _add_bundle(command: argparse.ArgumentParser) -> None:
    command.add_argument("--bundle", metavar="PATH", help="the bundle (default: AIRPACK_BUNDLE, or beside the shim)")


def _warn(message: object) -> None:
    print(
        f"airpack: {printable(str(message))}", file=sys.stderr, flush=True
    )  # a buffer would be lost when exec replaces this program


def _say(text: str) -> None:
    print(printable(text))


def _exec(arguments: argparse.Namespace) -> int:
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    if not words:
        _warn("exec needs a command: exec [--bundle PATH] -- COMMAND [ARG ...]")
        return 2
    env = _environment(arguments)
    path, first = None, ""
    # Of several interpreters on PATH, "python" is the one that runs the shim, since it is the target's. It runs the
    # scripts of the bundle as well, which need no /bin/sh then.
    if sys.executable and words[0] in _PYTHONS:
        words[0] = sys.executable
    else:
        import shutil

        path = shutil.which(words[0], path=env.get("PATH"))
        head = _head(path)
        first = head.partition("\n")[0]
        if sys.executable and path and (layout.LAUNCHER in head or first.rpartition("/env ")[2] in _PYTHONS):
            words[:1] = [sys.executable, path]
    try:
        os.execvpe(words[0], words, env)
    except FileNotFoundError:
        needed = first[2:].split()[0] if first[:2] == "#!" else "its loader"
        _warn(f"{path}: {needed} is missing" if path else f"{words[0]}: command not found")
        return NOT_FOUND
    except OSError as error:
        _warn(f"{words[0]}: {reason_of(error)}")
        return NOT_EXECUTABLE


def _head(path: str | None) -> str:
    """Return how a program begins, empty if it can't be read."""
    try:
        with open(path or os.devnull, encoding="latin-1") as file:
            return file.read(256)
    except OSError:
        return ""


def _environment(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the environment of the command that `exec` runs, with the packages provided. Raises BootError.

    This process may enter namespaces for it, in which only what it becomes sees the packages.
    """
    env = dict(os.environ)
    if boot.is_disabled(env):
        return env
    for name in trust.unread(env):
        _warn(unread(name, trust.SETTINGS))
    given = {"AIRPACK_BUNDLE": arguments.bundle or arguments.tree, "AIRPACK_MODE": arguments.mode}
    if arguments.tree:
        given["AIRPACK_MODE"] = TREE
    env.update({name: value for name, value in given.items() if value})
    ready = None if arguments.bundle or arguments.tree else azure.ready_tree(env, _warn)
    if ready is None and not azure.needs_nothing(env):
        ready = boot.ready_tree(boot.find_bundle(env), env, private=True)
    if ready is not None:
        env = _exported(ready, env)
        log_boot(ready, always=True)
    return azure.handled(env)


def _exported(ready: Ready, env: Mapping[str, str]) -> dict[str, str]:
    """Return `env` so that each Python started with it finds the packages of a tree. Raises BootError."""
    exported = {**env, "AIRPACK_BUNDLE": ready.bundle, boot.ACTIVE: ready.to_note()}
    activation.export(ready.tree, exported)
    dropin = os.path.join(boot.shim_root(), "airpack_runtime", "dropin")
    if os.pathsep in dropin:
        raise BootError(f"the shim lies in {boot.shim_root()}, and a colon can't stand in PYTHONPATH: move it")
    given = env.get("PYTHONPATH")
    # An empty entry, which Python takes for the current folder, is kept as it is.
    others = [entry for entry in given.split(os.pathsep) if entry != dropin] if given else []
    exported["PYTHONPATH"] = os.pathsep.join([dropin, *others])
    return exported


def _unpack(arguments: argparse.Namespace) -> int:
    from airpack_runtime.format.reader import open_bundle
    from airpack_runtime.provide.unpack import unpack_into

    with open_bundle(_bundle(arguments)) as bundle:
        trust.check(bundle.path, layout.SIGNED_BUNDLE, bundle.digest, os.environ)
        host.check(bundle.path, bundle.target)
        unpack_into(bundle, os.path.abspath(arguments.folder))
    return 0


def _bundle(arguments: argparse.Namespace) -> str:
    given = {"AIRPACK_BUNDLE": arguments.bundle} if arguments.bundle else {}
    path = boot.find_bundle({**os.environ, **given})
    return os.path.join(path, layout.BUNDLE_NAME) if os.path.isdir(path) else path


def _verify(arguments: argparse.Namespace) -> int:
    from airpack_runtime.care import maintenance

    path = _bundle(arguments)
    done = maintenance.verify(path, os.environ)
    for tree, how in done.items():
        _say(f"{tree}: {how}")
    if not done:
        _say(f"{path}: no tree of it is unpacked here")
    return 0


def _umount(_: argparse.Namespace) -> int:
    from airpack_runtime.care import maintenance

    reasons = maintenance.unmount(os.environ)
    for place, reason in reasons.items():
        if reason is None:
            _say(f"unmounted {place}")
        else:
            _warn(f"{place} stays mounted: {reason}")
    return 1 if any(reasons.values()) else 0


def _cache_list(_: argparse.Namespace) -> int:
    from airpack_runtime.care import maintenance

    for tree in maintenance.trees(os.environ):
        _say(_shown(tree))
    return 0


def _cache_prune(arguments: argparse.Namespace) -> int:
    from airpack_runtime.care import maintenance

    if arguments.keep is None and arguments.older_than is None:
        _warn("say what may go: prune --keep N, or --older-than DAYS")
        return 2
    days = arguments.older_than
    for tree in maintenance.prune(os.environ, arguments.keep, None if days is None else days * 86400):
        _say(f"removed {_shown(tree)}")
    for tree in maintenance.trees(os.environ):
        _say(f"kept    {_shown(tree)}")
    return 0


def _shown(tree: CachedTree) -> str:
    import time

    used = time.strftime("%Y-%m-%d %H:%M", time.localtime(tree.last_used))
    size = "mounted" if tree.mounted else f"{tree.size / 1e6:.1f} MB"
    return f"{tree.path}  {size}, last used {used}{', in use' if tree.in_use else ''}"


def _doctor(arguments: argparse.Namespace) -> int:
    from airpack_runtime.care import doctor

    given = {"AIRPACK_BUNDLE": arguments.bundle} if arguments.bundle else {}
    facts, fails = doctor.examine({**os.environ, **given})
    if arguments.json:
        import json

        print(json.dumps(facts, indent=2))
    else:
        print(doctor.render(facts))
    return BootError.status if fails else 0


def _probe(_: argparse.Namespace) -> int:
    import json

    from airpack_runtime.image.probe import profile

    print(json.dumps(profile(os.environ), indent=2), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
