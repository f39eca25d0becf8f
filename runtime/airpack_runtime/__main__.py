"""The shim's command line: run a command with a bundle's packages, unpack a bundle, tell what an image is."""

from __future__ import annotations

import argparse
import os
import sys

from airpack_runtime import __version__, boot
from airpack_runtime.errors import BootError, reason
from airpack_runtime.startup import FAILED, INTERRUPTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

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
        return FAILED
    except KeyboardInterrupt:
        print("airpack: interrupted; nothing was left behind", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="airpack-runtime", description="Provide a bundle's Python packages, without a network."
    )
    parser.add_argument("--version", action="version", version=f"airpack_runtime {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command")
    commands.required = True

    execute = commands.add_parser("exec", help="run a command that finds the packages")
    execute.add_argument("--bundle", metavar="PATH", help="the bundle (default: AIRPACK_BUNDLE, or beside the shim)")
    execute.add_argument("words", metavar="COMMAND", nargs=argparse.REMAINDER, help="-- COMMAND [ARG ...]")
    execute.set_defaults(run=_exec)

    unpack = commands.add_parser("unpack", help="write the bundle's tree into a folder")
    unpack.add_argument("--bundle", metavar="PATH", help="the bundle (default: AIRPACK_BUNDLE, or beside the shim)")
    unpack.add_argument("folder", metavar="DIR", help="a folder that is empty, or doesn't exist yet")
    unpack.set_defaults(run=_unpack)

    probe = commands.add_parser("probe", help="print the image's profile, for airpack pack --target image.json")
    probe.set_defaults(run=_probe)
    return parser


def _exec(arguments: argparse.Namespace) -> int:
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    if not words:
        print("airpack: exec needs a command: exec [--bundle PATH] -- COMMAND [ARG ...]", file=sys.stderr)
        return 2
    env = dict(os.environ)
    if arguments.bundle:
        env["AIRPACK_BUNDLE"] = arguments.bundle
    env = boot.environment(env)
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


def _unpack(arguments: argparse.Namespace) -> int:
    from airpack_runtime.reader import open_bundle
    from airpack_runtime.unpack import unpack_into

    given = {"AIRPACK_BUNDLE": arguments.bundle} if arguments.bundle else {}
    with open_bundle(boot.find_bundle({**os.environ, **given})) as bundle:
        boot.check_host(bundle.path, bundle.target)
        unpack_into(bundle, os.path.abspath(arguments.folder))
    return 0


def _probe(_: argparse.Namespace) -> int:
    import json

    from airpack_runtime.probe import profile

    print(json.dumps(profile(os.environ), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
