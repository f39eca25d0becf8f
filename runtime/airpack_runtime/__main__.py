"""The shim's command line: run a command with a bundle's packages, unpack a bundle, tell what an image is."""

from __future__ import annotations

import argparse
import os
import sys

from airpack_runtime import __version__, boot, host, layout, trust
from airpack_runtime.errors import BootError, reason
from airpack_runtime.image import azure
from airpack_runtime.ready import MODES, TREE
from airpack_runtime.startup import FAILED, INTERRUPTED, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

    from airpack_runtime.care.maintenance import Entry

NOT_EXECUTABLE = 126  # as a shell ends for a file it can't run
NOT_FOUND = 127  # and for a command it can't find


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        return status
    except BootError as error:
        if arguments.verbose:
            raise
        print(f"airpack: {error}", file=sys.stderr)
        return error.status
    except OSError as error:  # standard output is full, or closed
        print(f"airpack: {error.filename or 'standard output'}: {reason(error)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("airpack: interrupted; nothing was left behind", file=sys.stderr)
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

    actions = commands.add_parser("cache", help="list or prune unpacked trees").add_subparsers(metavar="ACTION")
    actions.required = True
    actions.add_parser("list", help="tell what lies in the cache folders").set_defaults(run=_cache_list)
    prune = actions.add_parser("prune", help="remove trees that no process uses")
    prune.add_argument("--keep", metavar="N", type=int, help="all but the N last used")
    prune.add_argument("--older-than", metavar="DAYS", type=float, help="those that were last used so long ago")
    prune.set_defaults(run=_cache_prune)
    return parser


def _add_bundle(command: argparse.ArgumentParser) -> None:
    command.add_argument("--bundle", metavar="PATH", help="the bundle (default: AIRPACK_BUNDLE, or beside the shim)")


def _warn(text: str) -> None:
    print(f"airpack: {text}", file=sys.stderr, flush=True)  # what is buffered is lost when another program takes over


def _exec(arguments: argparse.Namespace) -> int:
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    if not words:
        print("airpack: exec needs a command: exec [--bundle PATH] -- COMMAND [ARG ...]", file=sys.stderr)
        return 2
    env = _environment(arguments)
    # Of several interpreters on PATH, "python" means the one that runs the shim: it is the target's.
    own = ("python", "python3", f"python3.{sys.version_info[1]}")
    if words[0] in own and sys.executable:
        words = [sys.executable, *words[1:]]
    try:
        os.execvpe(words[0], words, env)
    except FileNotFoundError:
        print(f"airpack: {words[0]}: command not found", file=sys.stderr)
        return NOT_FOUND
    except OSError as error:
        print(f"airpack: {words[0]}: {reason(error)}", file=sys.stderr)
        return NOT_EXECUTABLE


def _environment(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the environment of what `exec` runs, with the packages provided. Raises BootError."""
    env = dict(os.environ)
    if boot.is_disabled(env):
        return env
    given = {"AIRPACK_BUNDLE": arguments.bundle or arguments.tree, "AIRPACK_MODE": arguments.mode}
    if arguments.tree:
        given["AIRPACK_MODE"] = TREE
    env.update({name: value for name, value in given.items() if value})
    ready = None if arguments.bundle or arguments.tree else azure.ready_tree(env, _warn)
    if ready is not None:
        env = boot.exported(ready, env)
    elif not azure.needs_nothing(env):
        env, ready = boot.environment(env)
    if ready is not None:
        log(ready, always=True)
    return azure.handled(env)


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
    done = list(maintenance.verify(path, os.environ))
    for tree, what in done:
        print(f"{tree}: {what}")
    if not done:
        print(f"{path}: no tree of it is unpacked here")
    return 0


def _umount(_: argparse.Namespace) -> int:
    from airpack_runtime.care import maintenance

    done, refused = maintenance.unmount(os.environ)
    for place in done:
        print(f"unmounted {place}")
    for place, why in refused:
        print(f"airpack: {place} stays mounted: {why}", file=sys.stderr)
    return 1 if refused else 0


def _cache_list(_: argparse.Namespace) -> int:
    from airpack_runtime.care import maintenance

    for entry in maintenance.entries(os.environ):
        print(_shown(entry))
    return 0


def _cache_prune(arguments: argparse.Namespace) -> int:
    from airpack_runtime.care import maintenance

    if arguments.keep is None and arguments.older_than is None:
        print("airpack: say what may go: prune --keep N, or --older-than DAYS", file=sys.stderr)
        return 2
    days = arguments.older_than
    removed, kept = maintenance.prune(os.environ, arguments.keep, None if days is None else days * 86400)
    for entry in removed:
        print(f"removed {_shown(entry)}")
    for entry in kept:
        print(f"kept    {_shown(entry)}")
    return 0


def _shown(entry: Entry) -> str:
    import time

    used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.last_used))
    size = "mounted" if entry.mounted else f"{entry.size / 1e6:.1f} MB"
    return f"{entry.path}  {size}, last used {used}{', in use' if entry.in_use else ''}"


def _doctor(arguments: argparse.Namespace) -> int:
    from airpack_runtime.care import doctor

    given = {"AIRPACK_BUNDLE": arguments.bundle} if arguments.bundle else {}
    facts = doctor.examine({**os.environ, **given})
    if arguments.json:
        import json

        print(json.dumps(facts, indent=2))
    else:
        print(doctor.render(facts))
    return FAILED if str(facts["boot"]).startswith(doctor.FAILS) else 0


def _probe(_: argparse.Namespace) -> int:
    import json

    from airpack_runtime.image.probe import profile

    print(json.dumps(profile(os.environ), indent=2), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
