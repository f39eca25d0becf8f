"""The command `airpack`: reads arguments, calls the pipeline, prints results and errors."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from airpack_runtime.errors import BootError

from airpack import __version__, bundle, interpreter, local_boot, pipeline, shim
from airpack.errors import AirpackError, UsageError
from airpack.pip_process import Pip
from airpack.progress import Bars, Lines, Progress, Silent
from airpack.resolve import Requirements
from airpack.target import DEFAULT, Target

INTERRUPTED = 130  # 128 + SIGINT, as shells count
_MAX_LEVEL = 19  # above it, zstd's windows outgrow what the shim allows


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's) and return the exit status."""
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        arguments.run(arguments, os.environ)
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was changed", INTERRUPTED, arguments.verbose)
    except AirpackError as error:
        return _fail(str(error), error.status, arguments.verbose)
    except BootError as error:
        return _fail(str(error), 1, arguments.verbose)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}; nothing was changed", 1, arguments.verbose)
    return 0


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _fail(message: str, status: int, verbose: bool) -> int:
    if verbose:
        traceback.print_exc()
    print(f"airpack: error: {message}", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="airpack", description="Carry Python packages across an air gap.")
    parser.add_argument("--version", action="version", version=f"airpack {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_pack(commands)
    _add_shim(commands)
    _add_run(commands)
    return parser


def _add_pack(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    pack = commands.add_parser(
        "pack",
        help="resolve requirements for an image and bundle them",
        description="Resolve requirements for an image, fetch the wheels, and write bundle.tar.zst, wheelhouse/, "
        "pylock.toml and manifest.json.",
    )
    pack.set_defaults(run=_pack)
    what = pack.add_argument_group("what to pack")
    what.add_argument("requirements", metavar="REQUIREMENT", nargs="*", help="such as 'pandas>=1.3' (PEP 508)")
    what.add_argument("-r", "--requirement", metavar="FILE", action="append", default=[], help="a requirements file")
    what.add_argument("-c", "--constraint", metavar="FILE", action="append", default=[], help="a constraints file")
    what.add_argument(
        "--target",
        metavar="NAME|PROFILE.json",
        default=DEFAULT,
        help="the image's Python and platform (default: %(default)s), or its profile",
    )
    results = pack.add_argument_group("where the results go")
    results.add_argument("-o", "--output", metavar="DIR", type=Path, default=Path("dist"), help="default: dist")
    results.add_argument("--tree", metavar="DIR", type=Path, help="also write the tree as a plain folder to mount")
    index = pack.add_argument_group("where wheels come from (pip's own configuration applies as well)")
    index.add_argument("--index-url", metavar="URL", help="the index, instead of PyPI")
    index.add_argument("--extra-index-url", metavar="URL", action="append", default=[], help="a further index")
    index.add_argument("--find-links", metavar="PATH", action="append", default=[], help="a folder or page of wheels")
    index.add_argument("--no-index", action="store_true", help="use --find-links alone")
    index.add_argument("--decoder", metavar="WHEEL", type=Path, help="the pyzstd wheel, where the index lacks it")
    how = pack.add_argument_group("how")
    how.add_argument(
        "--level",
        metavar="N",
        type=_level,
        default=bundle.DEFAULT_LEVEL,
        help=f"zstd level, 1 to {_MAX_LEVEL} (default: %(default)s)",
    )
    how.add_argument("--jobs", metavar="N", type=_jobs, default=len(os.sched_getaffinity(0)), help="default: all cores")
    how.add_argument("--no-bytecode", action="store_true", help="leave the bytecode out: smaller, slower to import")
    _add_python(how)
    how.add_argument("--no-progress", action="store_true", help="lines instead of bars")
    _add_verbosity(pack)


def _add_shim(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "shim",
        help="write the runtime shim",
        description="Write the shim that boots a bundle: as one zipapp (*.pyz), or as a folder for PYTHONPATH.",
    )
    parser.set_defaults(run=_shim)
    parser.add_argument("-o", "--output", metavar="FILE.pyz|DIR", type=Path, required=True, help="where to write it")
    parser.add_argument("--target", metavar="NAME", default=DEFAULT, help="default: %(default)s")
    _add_python(parser)
    _add_verbosity(parser)


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "run",
        help="run a command with a bundle's packages on this machine",
        description="Boot a bundle here as the image will: by the shim, under the target's interpreter.",
    )
    parser.set_defaults(run=_run)
    parser.add_argument("place", metavar="DIST|BUNDLE", type=Path, help="a folder of results, or a bundle")
    parser.add_argument("words", metavar="COMMAND", nargs="+", help="-- COMMAND [ARG ...], such as: -- python score.py")
    _add_python(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="show tracebacks of errors")


def _add_python(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--python",
        metavar="PATH",
        type=Path,
        help="an interpreter of the target's version, for bytecode (default: looked for on PATH, in pyenv, "
        "/opt/python and uv)",
    )


def _add_verbosity(parser: argparse.ArgumentParser) -> None:
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    loudness.add_argument("-v", "--verbose", action="store_true", help="show pip's log, and tracebacks of errors")


def _pack(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    if not (arguments.requirements or arguments.requirement):
        raise UsageError("nothing to pack: name requirements, or a file with -r")
    progress = _progress(arguments)
    target = Target.parse(arguments.target)
    python = None
    if not arguments.no_bytecode:
        python = interpreter.find(target, given=arguments.python, env=env)
        if python is None:
            progress.note(
                f"no Python {target.python_version} found (--python PATH): packing without bytecode, so that "
                "the first import in each process compiles; about 3 times slower for scikit-learn and pandas"
            )
    if target.assumed_release:
        progress.note(f"target    {target.name}, taken for Python {target.python_full_version}")
    order = pipeline.Order(
        requirements=Requirements(
            specifications=arguments.requirements,
            files=[Path(file) for file in arguments.requirement],
            constraints=[Path(file) for file in arguments.constraint],
        ),
        target=target,
        output=arguments.output,
        cache=_cache(env),
        tree=arguments.tree,
        python=python,
        decoder=arguments.decoder,
        level=arguments.level,
        mtime=_mtime(env),
        jobs=arguments.jobs,
    )
    packed = pipeline.pack(order, pip=_pip(arguments, env), progress=progress)
    for clash in packed.clashes:
        progress.note(f"warning: {clash.first} and {clash.second} both write {clash.path}; the latter's is kept")
    if not arguments.quiet:
        _print_packed(packed, arguments)


def _print_packed(packed: pipeline.Packed, arguments: argparse.Namespace) -> None:
    made, contents = packed.bundle, packed.bundle.contents
    files = len(contents.files) + len(contents.links)
    wheels = packed.wheelhouse.lock
    print(f"wheels    {len(wheels.wheels)} in {packed.wheelhouse.folder}, {(wheels.size or 0) / 1e6:,.1f} MB")
    unpacked = f"{contents.unpacked_size / 1e6:,.1f} MB unpacked, {files:,} files"
    print(f"bundle    {made.path}, {made.size / 1e6:,.1f} MB ({unpacked})")
    if arguments.tree:
        print(f"tree      {arguments.tree}")
    print(f"digest    sha256:{made.digest}")
    python = f"python{wheels.target.python_version}"
    print(
        f"boot      airpack shim -o airpack-runtime.pyz, then in the image:\n"
        f"          {python} airpack-runtime.pyz exec --bundle {made.path.name} -- {python} YOUR_PROGRAM.py"
    )


def _shim(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    output: Path = arguments.output
    if output.suffix == shim.SUFFIX:
        size = shim.write_zipapp(output)
        usage = f"run it with the image's Python: python {output.name} exec --bundle PATH -- COMMAND"
    else:
        target = Target.parse(arguments.target)
        size = shim.write_folder(output, interpreter.find(target, given=arguments.python, env=env))
        usage = f"put the bundle into it, and set PYTHONPATH={output}"
    if not arguments.quiet:
        print(f"shim      {output}, {size / 1e3:,.1f} kB\nboot      {usage}")


def _run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    command = local_boot.command(arguments.place, arguments.words, python=arguments.python, env=env)
    os.execve(command.words[0], list(command.words), command.env)  # noqa: S606 - that is what the command is for


def _progress(arguments: argparse.Namespace) -> Progress:
    if arguments.quiet:
        return Silent()
    if arguments.no_progress or arguments.verbose or not sys.stderr.isatty():
        return Lines(sys.stderr)
    return Bars(sys.stderr)


def _pip(arguments: argparse.Namespace, env: Mapping[str, str]) -> Pip:
    return Pip(
        env=env,
        index_url=arguments.index_url,
        extra_index_urls=arguments.extra_index_url,
        find_links=arguments.find_links,
        no_index=arguments.no_index,
        verbose=arguments.verbose,
    )


def _cache(env: Mapping[str, str]) -> Path:
    """Return the packager's cache folder (XDG Base Directory)."""
    base = env.get("XDG_CACHE_HOME") or os.path.join(env.get("HOME", os.sep), ".cache")
    return Path(base, "airpack-pack")


def _mtime(env: Mapping[str, str]) -> int:
    """Return the time for all files: SOURCE_DATE_EPOCH, or a constant (reproducible-builds.org)."""
    text = env.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return bundle.DEFAULT_MTIME
    if not text.isdecimal():
        raise UsageError(f"SOURCE_DATE_EPOCH is {text!r}: set it to seconds since 1970, or unset it")
    return int(text)


def _level(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= _MAX_LEVEL:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no level: give a number from 1 to {_MAX_LEVEL}")


def _jobs(text: str) -> int:
    if text.isdecimal() and int(text) >= 1:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number of jobs: give 1 or more")
