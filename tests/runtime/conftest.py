"""Fixtures of the runtime's tests, which run under the target's Python: nothing of the packager is here."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import site
import stat
import subprocess
import sys
import sysconfig
import zlib
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import pytest
from airpack_runtime import activation, boot, cache, errors, host, layout, trust
from airpack_runtime.care import maintenance
from airpack_runtime.format import framing, hashing, reader
from airpack_runtime.provide import unpack

from .signer import SIGNER

# A background job may have been started with it ignored, and so would be all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent.parent
SITE_PACKAGES = activation.site_packages_of("").lstrip("/")
FOLDERS = (layout.LIB, os.path.dirname(SITE_PACKAGES), SITE_PACKAGES)
GOLDEN = ROOT / "fixtures" / "golden" / layout.BUNDLE_NAME
RUNTIME = ROOT / "runtime"

# What is random repeats: a failing test names the seed, and this setting gives another.
SEED = int(os.environ.get("AIRPACK_TEST_SEED", "37"))

needs_target = pytest.mark.skipif(
    not host.is_target_python("cp37"),
    reason="runs under Python 3.7, the golden bundle's target: see tests/contract/test_runtime_under_37.py",
)


def chance(*what: object) -> random.Random:
    """Return what is random in a test, the same in each run with the same seed."""
    return random.Random(f"{SEED} {what}")  # noqa: S311 - no secret


def lacking(what: str, remedy: str) -> None:
    """Skip the test for a user whose machine lacks something, fail it in CI."""
    message = f"{what} is missing: {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session", autouse=True)
def _no_tree_of_this_user() -> None:
    """Remove the golden bundle's tree where this user has booted it: the tests would find it, and change it."""
    with reader.open_bundle(str(GOLDEN)) as bundle:
        digest = bundle.digest
    for tree in maintenance.trees(os.environ):
        if os.path.basename(tree.path) == digest:
            assert maintenance._remove(tree), f"{tree.path} is in use: end that process, then try again"


@pytest.fixture(autouse=True)
def _prefix_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `sys.prefix`, and what follows from it, be as before once a tree was activated in this process."""
    for name in ("prefix", "exec_prefix"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setattr(site, "PREFIXES", list(site.PREFIXES))
    variables = sysconfig.get_config_vars()
    for name in ("prefix", "exec_prefix", "base", "platbase"):
        monkeypatch.setitem(variables, name, variables[name])


@pytest.fixture
def golden() -> Path:
    """Return the golden bundle."""
    return GOLDEN


@pytest.fixture
def env(tmp_path: Path) -> Dict[str, str]:
    """Return an environment whose only good cache folder is in `tmp_path`."""
    return {"AIRPACK_CACHE_DIR": str(tmp_path / "cache"), "PATH": os.defpath, "AIRPACK_LOG": "off"}


@pytest.fixture
def cache_folder(env: Dict[str, str]) -> Path:
    """Return the cache folder that a boot with `env` uses."""
    return Path(cache.candidates(env)[0])


@pytest.fixture
def only_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder that boots of this process try; it doesn't exist yet."""
    folder = tmp_path / "only" / "cache"
    monkeypatch.setattr(cache, "candidates", lambda _: [str(folder)])
    return folder


@pytest.fixture
def no_key_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for the image's key in the temporary folder."""
    monkeypatch.setattr(trust, "KEY_FILE", str(tmp_path / "etc" / "key.pub"))


@pytest.fixture
def signed(tmp_path: Path, golden: Path) -> Path:
    """Return a copy of the golden bundle, signed."""
    path = Path(shutil.copy(str(golden), str(tmp_path / layout.BUNDLE_NAME)))
    with reader.open_bundle(str(path)) as bundle:
        SIGNER.sign(path, bundle.digest)
    return path


@pytest.fixture
def keyed(env: Dict[str, str]) -> Dict[str, str]:
    """Return the environment of a boot that takes what SIGNER has signed."""
    return {**env, "AIRPACK_PUBLIC_KEY": SIGNER.public}


def refused(path: Path, env: Dict[str, str]) -> str:
    """Return the message with which a boot refuses what is not signed: one line."""
    with within(10, "a boot"), pytest.raises(errors.NotSigned) as caught:
        boot.ready_tree(str(path), env)
    assert "\n" not in str(caught.value)
    return str(caught.value)


Rewrite = Callable[[Dict[str, Any]], None]


@pytest.fixture
def forge(tmp_path: Path) -> Callable[[Rewrite], Path]:
    """Return a function that writes the golden bundle with another table of contents."""

    def forge_with(change: Rewrite) -> Path:
        with reader.open_bundle(str(GOLDEN)) as bundle:
            data = table_of(bundle)
        sizes = list(zip(*data["frames"][:2]))
        sizes.append((data["decoder"]["size"] + framing.SKIPPABLE_HEADER.size, 0))
        frames = GOLDEN.read_bytes()[: _end_of_decoder(data)]
        change(data)
        stored = _encode_unchecked(data)
        table = framing.seek_table([*sizes, (len(stored) + framing.SKIPPABLE_HEADER.size, 0)])
        path = tmp_path / "forged.tar.zst"
        path.write_bytes(frames + framing.skippable(layout.TOC_MAGIC, stored) + table)
        return path

    return forge_with


def table_of(bundle: reader.Bundle) -> Dict[str, Any]:
    """Return a bundle's table of contents as JSON has it."""
    data: Dict[str, Any] = json.loads(framing.inflate(bundle.stored_toc.partition(b"\n")[2], layout.TOC_LIMIT))
    return data


def stored_table(target: str, body: bytes) -> bytes:
    """Return the content of the frame of a table of contents, with `body` behind its heading."""
    return b"%s %d %s %08x\n" % (layout.HEADING, layout.FORMAT, target.encode("ascii"), zlib.crc32(body)) + body


def _end_of_decoder(data: Dict[str, Any]) -> int:
    return int(data["decoder"]["offset"] + data["decoder"]["size"])


def _encode_unchecked(data: Dict[str, Any]) -> bytes:
    return stored_table(data["target"], zlib.compress(json.dumps(data, ensure_ascii=False).encode("utf-8"), 9))


_BLOCK_LIMIT = 128 << 10  # RFC 8878, 3.1.1.2.4
RAW, RLE = 0, 1  # types of block


def zstd_frame(blocks: Sequence[Tuple[int, int, bytes]], header: bytes) -> bytes:
    """Return a zstd frame of (type, size, content) blocks, whatever its header promises."""
    parts = [header]
    for number, (kind, size, content) in enumerate(blocks, 1):
        parts.append(((number == len(blocks)) | kind << 1 | size << 3).to_bytes(3, "little") + content)
    return b"".join(parts)


def frame_header(size: Optional[int]) -> bytes:
    """Return a frame's header: one segment of `size` bytes, or a window of 4 MiB and no word of the size."""
    described = b"\x00\x60" if size is None else b"\xa0" + size.to_bytes(4, "little")
    return layout.ZSTD_MAGIC.to_bytes(4, "little") + described


def raw_frame(content: bytes) -> bytes:
    """Return `content` as a zstd frame that stores it as it is."""
    runs = [content[start : start + _BLOCK_LIMIT] for start in range(0, len(content), _BLOCK_LIMIT)]
    return zstd_frame([(RAW, len(run), run) for run in runs], frame_header(len(content)))


def write_bundle(path: Path, stored_frames: Sequence[Tuple[bytes, int]], **contents: Any) -> Path:
    """Write a bundle of (stored bytes, raw size) frames, with the golden's decoder.

    `contents` is what its table of contents holds, unchecked, besides or instead of what fits the frames; of `files`
    it takes the rows, of which the last are the checksums if they are named so.
    """
    with reader.open_bundle(str(GOLDEN)) as bundle:
        toc_of_golden = bundle.toc()
    golden_decoder = toc_of_golden.decoder
    assert golden_decoder is not None
    decoder = GOLDEN.read_bytes()[golden_decoder.offset :][: golden_decoder.size]
    frames = [(len(stored), raw_size, hashing.sha256(stored).hexdigest()) for stored, raw_size in stored_frames]
    position = sum(len(stored) for stored, _ in stored_frames)
    files = contents.pop("files")
    if files[-1][0] != layout.SUMS:
        files = [*files, (layout.SUMS, 0o644, 0, 0)]
    data: Dict[str, Any] = {
        "target": toc_of_golden.target,
        "creator": "tests",
        "requirements": [],
        "unpacked_size": sum(row[2] for row in files[:-1]),
        "frames": list(zip(*frames)),
        "directories": list(FOLDERS),
        "files": list(zip(*files)),
        "links": [[], []],
        "distributions": [],
        "decoder": dict(golden_decoder._asdict(), offset=position + framing.SKIPPABLE_HEADER.size),
    }
    stored_toc = _encode_unchecked({**data, **contents})
    parts = [stored for stored, _ in stored_frames]
    parts += [framing.skippable(layout.DECODER_MAGIC, decoder), framing.skippable(layout.TOC_MAGIC, stored_toc)]
    sizes = [row[:2] for row in frames] + [(len(part), 0) for part in parts[-2:]]
    path.write_bytes(b"".join([*parts, framing.seek_table(sizes)]))
    return path


def bundle_of(path: Path, files: Dict[str, bytes], frame_size: int = 1 << 16) -> Path:
    """Write a bundle whose tree has these files in `site-packages`."""
    raw, rows, sums = b"", [], ""
    folders = {f"{SITE_PACKAGES}/{name[:place]}" for name in files for place, each in enumerate(name) if each == "/"}
    for name, content in sorted(files.items()):
        inside = f"{SITE_PACKAGES}/{name}"
        rows.append((inside, 0o644, len(content), 0))
        sums += f"{hashing.sha256(content).hexdigest()}  {inside}\n"
        raw += content + bytes(-len(content) % layout.TAR_BLOCK)
    rows.append((layout.SUMS, 0o644, len(sums), 0))
    runs = [raw[start : start + frame_size] for start in range(0, len(raw), frame_size)] + [sums.encode()]
    frames = [(raw_frame(run), len(run)) for run in runs]
    return write_bundle(path, frames, files=rows, directories=[*FOLDERS, *sorted(folders)])


def told(done: "subprocess.CompletedProcess[str]") -> str:
    """Return the message of a process that has ended with 97, less its last words, which name the doctor."""
    message, _, command = done.stderr.partition("; explained by: AIRPACK_ON_ERROR=continue ")
    assert (done.returncode, " doctor" in command, command.count("\n")) == (97, True, 1), done.stderr
    return message


@contextlib.contextmanager
def within(seconds: float, what: str) -> Iterator[None]:
    """Fail, in place of hanging, what takes longer."""

    def too_long(*_: object) -> None:
        raise AssertionError(f"{what} hangs: it took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def umask(mask: int) -> Iterator[None]:
    """Have this process, and what it starts, make files and folders under another umask."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def open_to_others(folder: Path) -> List[str]:
    """Return what in a folder others than its owner can write to."""
    modes = {path: path.lstat().st_mode for path in folder.rglob("*")}
    return [str(path) for path, mode in modes.items() if mode & 0o022 and not stat.S_ISLNK(mode)]


def python(
    *words: str, env: Dict[str, str], cwd: Optional[Path] = None, timeout: int = 60
) -> "subprocess.CompletedProcess[str]":
    """Run this interpreter with `words` and exactly this environment; capture what it writes."""
    line: List[str] = [sys.executable, *words]
    return subprocess.run(
        line,
        env=env,
        cwd=str(cwd) if cwd else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture
def dropin(tmp_path: Path, golden: Path) -> Path:
    """Return a drop-in folder with the golden bundle in it."""
    folder = tmp_path / "dropin"
    folder.mkdir()
    shutil.copytree(str(RUNTIME / "airpack_runtime"), str(folder / "airpack_runtime"))
    for module in (RUNTIME / "airpack_runtime" / "dropin").glob("*.py"):
        shutil.copy(str(module), str(folder))
    shutil.copy(str(golden), str(folder))
    return folder


def sums_of(folder: Path) -> Dict[str, str]:
    """Return the SHA-256 of every file below `folder`, by relative path."""
    return {
        path.relative_to(folder).as_posix(): hashing.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != layout.TREE_NOTE
    }


class Outcome(NamedTuple):
    """How a boot in a child ended: its tree, or the error's type and message; and what was noted there."""

    kind: str
    message: str
    noted: int


_PATIENCE = 120  # seconds
_WRITE = os.write  # before a test patches it


class Child:
    """A process forked from this one, with all that is patched here, that makes a tree and tells where."""

    def __init__(self, make: Callable[[], str], note: Callable[[], int] = int) -> None:
        self._results, sink = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(sink)
            return
        try:
            signal.alarm(_PATIENCE)  # ends it: a hang is no outcome
            _WRITE(sink, json.dumps(_outcome(make, note)).encode("ascii"))
        finally:
            os._exit(0)

    def wait(self) -> bytes:
        """Wait for its end, and return what it wrote."""
        with open(self._results, "rb") as file:
            data = file.read()
        os.waitpid(self.pid, 0)
        return data

    def outcome(self) -> Outcome:
        """Return how it ended."""
        data = self.wait()
        assert data, f"it crashed, or hung for {_PATIENCE} s"
        return Outcome(*json.loads(data.decode("ascii")))

    def tree(self) -> Path:
        """Return the tree; fail if there is none."""
        outcome = self.outcome()
        assert not outcome.kind, outcome
        return Path(outcome.message)

    def failure(self) -> Outcome:
        """Return the error; fail if there was none, or none of the runtime's own."""
        outcome = self.outcome()
        assert outcome.kind, f"there is a tree: {outcome.message}"
        assert isinstance(getattr(errors, outcome.kind, None), type), outcome
        return outcome


def _outcome(make: Callable[[], str], note: Callable[[], int]) -> Outcome:
    try:
        return Outcome("", make(), note())
    except Exception as error:  # noqa: BLE001 - the test decides what may be raised
        return Outcome(type(error).__name__, str(error), note())


def boot_in_child(path: Path, note: Callable[[], int] = int) -> Child:
    """Start a boot of the bundle at `path`; `note` gives a number at its end."""
    return Child(lambda: boot.ready_tree(str(path), {}).tree, note)


def unpack_in_child(path: Path, folder: Path) -> Child:
    """Start to unpack the bundle at `path` into `folder`."""

    def make() -> str:
        with reader.open_bundle(str(path)) as bundle:
            unpack.unpack_into(bundle, str(folder))
        return str(folder)

    return Child(make)
