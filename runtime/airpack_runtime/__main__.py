"""The shim's command line: run a command with a bundle's packages, or unpack a bundle."""

from __future__ import annotations

import argparse
import os
import sys

from airpack_runtime import __version__, boot
from airpack_runtime.errors import BootError, BundleNotFound, UnpackFailed, reason
from airpack_runtime.startup import FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

NOT_FOUND = 127  # as a shell ends for a command it can't find
INTERRUPTED = 130


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
        prog="airpack_runtime", description="Provide a bundle's Python packages, without a network."
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
    unpack.add_argument("--bundle", metavar="PATH", required=True, help="the bundle")
    unpack.add_argument("folder", metavar="DIR", help="a folder that doesn't exist yet, or is empty")
    unpack.set_defaults(run=_unpack)
    return parser


def _exec(arguments: argparse.Namespace) -> int:
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    if not words:
        print("airpack: exec needs a command: exec [--bundle PATH] -- COMMAND [ARG ...]", file=sys.stderr)
        return 2
    env = dict(os.environ)
    if arguments.bundle:
        env["AIRPACK_BUNDLE"] = arguments.bundle
    try:
        os.execvpe(words[0], words, boot.environment(env))
    except FileNotFoundError:
        print(f"airpack: {words[0]}: command not found", file=sys.stderr)
        return NOT_FOUND


def _unpack(arguments: argparse.Namespace) -> int:
    from airpack_runtime import cache, unpack
    from airpack_runtime.reader import open_bundle

    if not os.path.exists(arguments.bundle):
        raise BundleNotFound(arguments.bundle, "correct --bundle")
    folder = os.path.abspath(arguments.folder)
    if os.path.isdir(folder) and os.listdir(folder):
        raise UnpackFailed(folder, "it is not empty; name a folder that is, or that doesn't exist yet")
    try:
        with open_bundle(arguments.bundle) as bundle, cache.Scratch(folder) as scratch:
            unpack.unpack(bundle, f"{scratch}/tree")
            os.chmod(f"{scratch}/tree", 0o755)
            os.replace(f"{scratch}/tree", folder)
    except OSError as error:
        raise UnpackFailed(folder, reason(error)) from error
    return 0


if __name__ == "__main__":
    sys.exit(main())
