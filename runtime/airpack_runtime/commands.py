"""The shim's commands as argparse reads them: all but the usual form of `exec`."""

from __future__ import annotations

import argparse
import os

from airpack_runtime import __version__, boot, host, layout, trust
from airpack_runtime.errors import printable
from airpack_runtime.execute import execute, guarded, warn
from airpack_runtime.ready import MODES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

    from airpack_runtime.care.maintenance import CachedTree


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    arguments = _parser().parse_args(argv)
    given = getattr(arguments, "bundle", None) or getattr(arguments, "tree", None)
    return guarded(lambda: int(arguments.run(arguments)), given, verbose=arguments.verbose)


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


def _say(text: str) -> None:
    print(printable(text))


def _exec(arguments: argparse.Namespace) -> int:
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    return execute(words, arguments.bundle, arguments.tree, arguments.mode)


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
            warn(f"{place} stays mounted: {reason}")
    return 1 if any(reasons.values()) else 0


def _cache_list(_: argparse.Namespace) -> int:
    from airpack_runtime.care import maintenance

    for tree in maintenance.trees(os.environ):
        _say(_shown(tree))
    return 0


def _cache_prune(arguments: argparse.Namespace) -> int:
    from airpack_runtime.care import maintenance

    if arguments.keep is None and arguments.older_than is None:
        warn("say what may go: prune --keep N, or --older-than DAYS")
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
    facts, status = doctor.examine({**os.environ, **given})
    if arguments.json:
        import json

        print(json.dumps(facts, indent=2))
    else:
        print(doctor.render(facts))
    return status


def _probe(_: argparse.Namespace) -> int:
    import json

    from airpack_runtime.image.probe import profile

    print(json.dumps(profile(os.environ), indent=2), flush=True)
    return 0
