"""Arguments that several commands share, and the values that they stand for."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airpack.base import files
from airpack.base.console import Progress
from airpack.base.errors import NoInterpreter, PythonMissing, UsageError
from airpack.cli import pip_options
from airpack.registry.reference import DEFAULT_TAG, Endpoint, Reference
from airpack.registry.retries import Patience
from airpack.requirements.windows import as_here
from airpack.target import downloads, interpreter, names
from airpack.target.interpreter import Interpreter, ask
from airpack.target.target import DEFAULT, HERE, Target

if TYPE_CHECKING:
    from airpack.resolve.pylock import LockFile
    from airpack.results.folder import Results
    from airpack.results.keys import SigningKey

# What pip's --target is often given.
_FOLDERS = ("dist", "build", "out", "lib", "libs", "packages", "site-packages", "vendor")
_NAMED = "python_named"  # where the version that was given with --python is kept
Commands = argparse._SubParsersAction  # argparse has no public name for it


def add_requirements(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the arguments that name requirements; return their group."""
    group = parser.add_argument_group("what to pack")
    group.add_argument(
        "requirements", metavar="REQUIREMENT", nargs="*", type=as_here, help="for example 'pandas>=1.3' (PEP 508)"
    )
    repeated: dict[str, Any] = {"action": "append", "default": []}
    paths = {**repeated, "type": as_here}
    group.add_argument(
        "-r",
        "--requirement",
        metavar="FILE",
        help="a requirements file, or what else airpack reads: a pyproject.toml; "
        "a pylock.toml, uv.lock, poetry.lock or Pipfile.lock; conda's environment.yml; a script (PEP 723); - reads "
        "standard input",
        **paths,
    )
    group.add_argument("-e", "--editable", metavar="PATH|URL", help="what pip's -e takes; packed as any other", **paths)
    group.add_argument("-c", "--constraint", metavar="FILE", help="a constraints file; - is standard input", **paths)
    group.add_argument("--extra", metavar="NAME", help="an extra of the project or lock given with -r", **repeated)
    group.add_argument(
        "--group",
        metavar="[PATH:]NAME",
        help="a dependency group (PEP 735) of PATH, else of the project or lock given with -r, else of "
        "./pyproject.toml",
        **repeated,
    )
    group.add_argument(
        "--conda-from-index",
        action="store_true",
        help="take conda's packages, of an environment.yml or of `pip freeze`, from the index by their names",
    )
    group.add_argument(
        "--require-attestations",
        action="store_true",
        help="fail where the index has no attestation of a file by its publisher (PEP 740); without it, those that "
        "there are go into lock and SBOM. The index is asked, also for what a lock names. Their signatures aren't "
        "verified",
    )
    pip_options.add_rules(parser)
    return group


def add_target(parser: argparse._ActionsContainer, *, resolving: bool = True) -> None:
    """Add the options that name the target; with `resolving`, also the one that skips what the image has."""
    default = f"default: {DEFAULT}; with --lock, the lock's" if resolving else f"default: {DEFAULT}"
    parser.add_argument(
        "--target",
        metavar="NAME|PROFILE.json|here",
        help="the image's Python and platform, or its profile; 'here' is this machine with the Python that runs "
        f"airpack, or that --python names ({default})",
    )
    parser.add_argument(
        "--python-version",
        metavar="X.Y.Z",
        help="the image's full Python version (default: the last release of the minor version); X.Y without --target "
        "is that Python on the default platform",
    )
    if not resolving:
        return
    parser.add_argument(
        "--skip-installed",
        action="store_true",
        help="leave out packages that the image has, if they satisfy the requirements; needs the image's profile",
    )


def target(arguments: argparse.Namespace, *, locked: LockFile | None = None) -> Target:
    """Return the target: the one that the user named, or else that of the lock, or else the default.

    Raises InvalidTarget, NoInterpreter, or UsageError if --skip-installed is given without a profile.
    """
    name, python_version = arguments.target, arguments.python_version or getattr(arguments, _NAMED, None)
    if name is None and locked is not None:
        name, python_version = locked.target_name, python_version or locked.python_full_version
    if name in _FOLDERS or (name is not None and name != HERE and os.path.isdir(name)):
        raise UsageError(
            f"--target names the image's Python and platform, such as {DEFAULT}: the folder of the results is -o {name}"
        )
    if name is None and python_version is not None:
        name = names.read(python_version).name
    if name == HERE:
        parsed = _here(getattr(arguments, "python", None), python_version)
    else:
        parsed = Target.parse(DEFAULT if name is None else name, python_version=python_version)
    if getattr(arguments, "skip_installed", False) and parsed.installed is None:
        raise UsageError(
            "--skip-installed needs a profile of the image: make one there (python airpack-runtime.pyz probe > "
            "image.json), and give it with --target image.json"
        )
    return parsed


def tell_target(
    target: Target, arguments: argparse.Namespace, progress: Progress, *, locked: LockFile | None = None
) -> None:
    """Show what of the target was assumed, if anything was, and how to name another."""
    hints = []
    if arguments.target is None and (locked is None or locked.target_name is None):
        hints.append("name another image with --target")
    if target.assumed_release:
        hints.append("its Python with --python-version" if hints else "name the image's with --python-version")
        hints.append("or ask it: airpack probe IMAGE")
    if hints:
        assumed = "assuming " if target.assumed_release else ""
        progress.note(f"target    {target.name}, {assumed}Python {target.python_full_version}; {', '.join(hints)}")


def _here(given: Path | None, python_version: str | None) -> Target:
    """Return this machine as a target, with the Python at `given`, or else the one that runs airpack."""
    python = ask(given or Path(sys.executable))
    if python is None:
        which = f"--python {given}" if given else f"{sys.executable}, which runs airpack,"
        raise NoInterpreter(f"{which} is not a CPython that runs: give the path of one with --python")
    return Target.of_machine(python.version, python_version=python_version)


def add_python(parser: argparse._ActionsContainer) -> None:
    """Add the options that name the interpreter of the target's version, and that forbid its download."""
    parser.add_argument(
        "--python",
        metavar="PATH|X.Y",
        action=_Python,
        help="an interpreter of the target's version (default: searched on PATH, in pyenv, /opt/python and uv; "
        "if there is none, uv downloads one into airpack's cache); one of another processor, run by qemu-user-static, "
        "only imports what was packed; a version instead, such as 3.10, is the target's",
    )
    parser.add_argument("--no-python-download", action="store_true", help="if there is no such interpreter, go without")


class _Python(argparse.Action):
    """Takes the path of an interpreter, or the version of the target's Python."""

    def __call__(
        self, _: argparse.ArgumentParser, namespace: argparse.Namespace, value: Any, _option: str | None = None
    ) -> None:
        """Set the path, or else the version."""
        is_version = re.fullmatch(r"3\.\d{1,2}(\.\d+)?", value) is not None and not Path(value).exists()
        setattr(namespace, _NAMED, value if is_version else None)
        namespace.python = None if is_version else Path(value)


def obtain_python(
    arguments: argparse.Namespace, target: Target, env: Mapping[str, str], progress: Progress
) -> Interpreter:
    """Return an interpreter of the target's version, and show its download if there was one.

    Raises PythonMissing, or NoInterpreter if the one that the user named is not of that version.
    """
    named = getattr(arguments, _NAMED, None)
    if named is not None and not f"{named}.".startswith(f"{target.python_version}."):
        raise NoInterpreter(f"--python {named} is not the target's Python {target.python_version}: leave it out")
    download = not arguments.no_python_download
    obtained = downloads.obtain(target, given=arguments.python, download=download, env=env, waiting=progress.waiting)
    if obtained.downloaded is not None:
        new = obtained.downloaded
        progress.note(f"python    {new.version} from {new.source}, downloaded by uv into {new.folder.parent}")
    return obtained.interpreter


def find_python(
    arguments: argparse.Namespace, target: Target, env: Mapping[str, str], progress: Progress, *, lost: str
) -> Interpreter | None:
    """Return the first of `find_pythons`."""
    return find_pythons(arguments, target, env, progress, lost=lost)[0]


def find_pythons(
    arguments: argparse.Namespace, target: Target, env: Mapping[str, str], progress: Progress, *, lost: str
) -> tuple[Interpreter | None, Interpreter | None]:
    """Return an interpreter of the target's version and this machine's processor, and one of another processor.

    The first is None if there is none; what is `lost` without it is shown. The second is the one that the user named,
    if it is another processor's: it only imports what was packed. Raises NoInterpreter if the one that the user named
    is not of the target's version.
    """
    try:
        found = obtain_python(arguments, target, env, progress)
    except PythonMissing as missing:
        progress.note(f"note: {missing.problem}: going without {lost}; {missing.remedy}")
        return None, None
    if not found.is_foreign:
        return found, None
    own = next((python for python in interpreter.search(target, env) if not python.is_foreign), None)
    if own is None:
        progress.note(f"note: no Python {target.python_version} of this machine's processor: going without {lost}")
    return own, None if arguments.python is None else found


def add_registry(parser: argparse.ArgumentParser, *, digest: str = "") -> None:
    """Add the arguments that name an image in a registry; the help shows `digest` as an alternative to the tag."""
    parser.add_argument(
        "reference",
        metavar=f"REGISTRY/REPOSITORY[:TAG{digest}]",
        help=f"for example registry.example:5000/models/churn:1.4 (default tag: {DEFAULT_TAG})",
    )
    parser.add_argument(
        "--plain-http", action="store_true", help="use HTTP without TLS; not needed for a registry on this machine"
    )


def endpoint(arguments: argparse.Namespace, env: Mapping[str, str], progress: Progress) -> Endpoint:
    """Return how to reach the image in the registry. Raises UsageError."""
    reference = Reference.parse(arguments.reference)
    return Endpoint(
        reference=reference, env=env, plain_http=arguments.plain_http, patience=Patience(note=progress.note)
    )


def add_sign(
    parser: argparse._ActionsContainer,
    what: str = "sign the tree, so that shims with that key accept volumes of the image",
) -> None:
    """Add the options for the key that signs what a command makes; `what` is the help."""
    parser.add_argument("--sign", metavar="NAME.key", type=Path, help=what)
    add_passphrase(parser)


def signing_key(arguments: argparse.Namespace) -> SigningKey | None:
    """Return the key that --sign names, or None. Raises InvalidKey, MissingExtra, UsageError or OSError."""
    if arguments.sign is None:
        return None
    from airpack.results import keys  # noqa: PLC0415 - only who signs needs cryptography

    return keys.load(arguments.sign, passphrase(arguments))


def tell_unsigned(results: Results, key: SigningKey | None, progress: Progress) -> None:
    """Show that the signature of a bundle does not cover volumes of its image, if no key signs these."""
    if key is None and results.signature() is not None:
        progress.note(
            "note: the bundle is signed, but volumes of this image are not, and a shim with a key refuses them: give "
            "--sign NAME.key as well"
        )


def add_passphrase(parser: argparse._ActionsContainer) -> None:
    """Add the option for a private key's passphrase; in a file, because other users can read a command line."""
    parser.add_argument(
        "--passphrase-file",
        metavar="FILE",
        type=Path,
        help="a file with the private key's passphrase",
    )


def passphrase(arguments: argparse.Namespace) -> bytes | None:
    """Return the passphrase without the end of its line, or None if none is given. Raises UsageError."""
    path: Path | None = arguments.passphrase_file
    if path is None:
        return None
    text = files.read_given(path).rstrip(b"\r\n")
    if not text:
        raise UsageError(f"{path} is empty: write the passphrase into it, or leave out --passphrase-file")
    return text


def epoch(env: Mapping[str, str], *, otherwise: int) -> int:
    """Return the time to record in all that is written: SOURCE_DATE_EPOCH (reproducible-builds.org), or `otherwise`."""
    text = env.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return otherwise
    if not text.isdecimal():
        raise UsageError(f"SOURCE_DATE_EPOCH is {text!r}: set it to seconds since 1970, or unset it")
    return int(text)
