"""What goes wrong on real machines: kills, full disks, failing reads, damage.

Never a wrong tree, never a hang, never a traceback.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
from airpack_runtime import cache, host, layout, trust
from airpack_runtime.errors import BootError
from airpack_runtime.format import reader
from airpack_runtime.provide import unpack

from ..conftest import (
    GOLDEN,
    RUNTIME,
    SEED,
    SITE_PACKAGES,
    boot_in_child,
    bundle_of,
    chance,
    lacking,
    needs_target,
    python,
    sums_of,
    unpack_in_child,
    within,
)

pytestmark = needs_target

KILLS, AT_ONCE, FLIPS, TRUNCATIONS = 200, 32, 2000, 500
DIGEST_LENGTH = 64


@pytest.fixture(scope="module")
def golden_sums(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, str]:
    """Return the SHA-256 of each file of the golden bundle's tree."""
    tree = tmp_path_factory.mktemp("golden") / "tree"
    with reader.open_bundle(str(GOLDEN)) as bundle:
        unpack.unpack(bundle, str(tree))
    return sums_of(tree)


def _files(count: int, version: int = 0, largest: int = 20_000) -> Dict[str, bytes]:
    some = chance(count, version)
    return {f"module{number:04}.py": bytes([some.randrange(256)]) * some.randrange(largest) for number in range(count)}


def _sums_of(files: Dict[str, bytes], folder: Path) -> Dict[str, str]:
    """Return what `sums_of` gives for a tree of these files; `folder` is written to."""
    for name, content in files.items():
        path = folder / SITE_PACKAGES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return sums_of(folder)


def _trees(folder: Path) -> List[Path]:
    return [each for each in folder.iterdir() if len(each.name) == DIGEST_LENGTH] if folder.exists() else []


def _unfinished(folder: Path) -> List[str]:
    return [each.name for each in folder.iterdir() if ".tmp." in each.name] if folder.exists() else []


# ---- kills


@pytest.mark.slow
@pytest.mark.alone
def test_killed_at_any_instant_the_next_boot_is_right(tmp_path: Path, only_cache: Path) -> None:
    """SIGKILL at 200 random instants of a boot: what has a tree's name is whole, and the next boot mends the rest."""
    files = _files(24)
    path = bundle_of(tmp_path / "bundle", files)
    right = _sums_of(files, tmp_path / "right")
    took = []
    for _ in range(3):
        started = time.perf_counter()
        boot_in_child(path).tree()
        took.append(time.perf_counter() - started)
        shutil.rmtree(str(only_cache))
    some, interrupted = chance(), 0
    for number in range(KILLS):
        instant = some.uniform(0, min(took))
        child = boot_in_child(path)
        time.sleep(instant)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        told = f"kill {number}, after {instant * 1000:.2f} ms, seed {SEED}"
        interrupted += bool(_unfinished(only_cache))
        for tree in _trees(only_cache):
            assert sums_of(tree) == right, told
        tree = boot_in_child(path).tree()
        assert sums_of(tree) == right, told
        assert _unfinished(only_cache) == [], told
        shutil.rmtree(str(only_cache))
    assert interrupted > KILLS // 10, f"of {KILLS} kills only {interrupted} came during an unpack, seed {SEED}"


def test_a_lock_whose_holder_was_killed_holds_nobody_up(tmp_path: Path, only_cache: Path) -> None:
    """The lock file stays, the lock does not; what the holder had written is swept."""
    files = _files(3)
    path = bundle_of(tmp_path / "bundle", files)
    digest = boot_in_child(path).tree().name
    shutil.rmtree(str(only_cache / digest))
    ready, holding = os.pipe()
    child = os.fork()
    if not child:
        fcntl.flock(os.open(str(only_cache / f"{digest}.lock"), os.O_RDWR), fcntl.LOCK_EX)
        (only_cache / f"{digest}.tmp.{os.getpid()}").mkdir()
        os.write(holding, b"x")
        signal.pause()
    assert os.read(ready, 1) == b"x"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert _unfinished(only_cache) == [f"{digest}.tmp.{child}"]
    assert sums_of(boot_in_child(path).tree()) == _sums_of(files, tmp_path / "right")
    assert _unfinished(only_cache) == []


_COUNTED = """
import os, sys
from airpack_runtime import boot
from airpack_runtime.provide import unpack
log, path, gate = sys.argv[1], sys.argv[2], int(sys.argv[3])
real = unpack.unpack
def counted(*args, **options):
    fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, b"x")
    real(*args, **options)
unpack.unpack = counted
os.read(gate, 1)
boot.activate(path, os.environ)
import module0000
print(module0000.__file__)
"""


@pytest.mark.slow
def test_32_processes_at_once_unpack_once(tmp_path: Path, env: Dict[str, str]) -> None:
    """The first to have the lock unpacks, the others wait for it; each of them imports from the same tree."""
    path = bundle_of(tmp_path / "bundle", {f"module{number:04}.py": b"value = 1\n" * 1000 for number in range(100)})
    log = tmp_path / "log"
    gate, opened = os.pipe()
    words = [sys.executable, "-c", _COUNTED, str(log), str(path), str(gate)]
    pipes: Dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "universal_newlines": True}
    running = [
        subprocess.Popen(words, env={**env, "PYTHONPATH": str(RUNTIME)}, pass_fds=[gate], **pipes)
        for _ in range(AT_ONCE)
    ]
    try:
        time.sleep(0.5)
        os.close(opened)  # what they all wait for: the pipe's end
        done = [process.communicate(timeout=60) for process in running]
    finally:
        for process in running:
            process.kill()
        os.close(gate)
    assert [process.returncode for process in running] == [0] * AT_ONCE, done
    assert len(set(done)) == 1, done
    assert log.read_bytes() == b"x"


# ---- full disks


@pytest.fixture
def tmpfs(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Return a function that mounts a tmpfs with these options; again, to change them."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options: str) -> Path:
        remount = "remount," if os.path.ismount(str(place)) else ""
        line = ["mount", "-t", "tmpfs", "-o", remount + options, "none", str(place)]
        done = subprocess.run(line, stderr=subprocess.PIPE, universal_newlines=True, check=False)
        if done.returncode:
            lacking("the right to mount a tmpfs", f"run as root, with CAP_SYS_ADMIN ({done.stderr.strip()})")
        return place

    yield mount
    if os.path.ismount(str(place)):
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.alone
@pytest.mark.parametrize("tenth", range(10))
def test_a_disk_that_fills_up_leaves_no_tree(
    tmpfs: Callable[[str], Path],
    golden: Path,
    golden_sums: Dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tenth: int,
) -> None:
    """ENOSPC at ten sizes, of a disk that another fills after it was asked for its room; with room, it boots."""
    # The last is the size of the files alone, where each folder's and note's page is too much.
    needed = 5_700_000 if tenth == 9 else 5_600_000
    disk = tmpfs(f"size={max(needed * (tenth + 1) // 10 // 4096, 1) * 4096}")
    monkeypatch.setattr(cache, "candidates", lambda _: [str(disk / "cache")])
    real = os.statvfs

    def roomy(path: Any) -> os.statvfs_result:
        fields = list(real(path))
        fields[2:5] = [1 << 30] * 3
        return os.statvfs_result(fields)

    with monkeypatch.context() as patched:
        patched.setattr(os, "statvfs", roomy)
        failed = boot_in_child(golden).failure()
    assert failed.kind == "NoPlace", failed
    assert f"{disk}/cache: No space left on device" in failed.message
    assert (_trees(disk / "cache"), _unfinished(disk / "cache")) == ([], [])
    failed = unpack_in_child(golden, disk / "tree").failure()
    assert (failed.kind, " MB free (the tree takes " in failed.message) == ("UnpackFailed", True), failed
    assert not (disk / "tree").exists()
    tmpfs("size=32m")
    assert sums_of(boot_in_child(golden).tree()) == golden_sums


@pytest.mark.alone
def test_a_disk_without_room_for_so_many_files_is_passed_over(
    tmpfs: Callable[[str], Path], golden: Path, golden_sums: Dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inodes run out as bytes do: the next folder is used, and the first holds nothing of it."""
    disk = tmpfs("size=32m,nr_inodes=32")
    folders = [str(disk / "cache"), str(disk.parent / "cache")]
    monkeypatch.setattr(cache, "candidates", lambda _: folders)
    tree = boot_in_child(golden).tree()
    assert str(tree.parent) == folders[1]
    assert sums_of(tree) == golden_sums
    assert (_trees(disk / "cache"), _unfinished(disk / "cache")) == ([], [])


# ---- system calls that fail


class _Calls:
    """Replaces a function of `os` by one that is told the number of each call, in whichever process it is made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, instead: Callable[..., Any]) -> None:
        self._count = multiprocessing.Value("i")
        real = getattr(os, name)

        def counted(*args: Any, **options: Any) -> Any:
            with self._count.get_lock():
                call = self._count.value
                self._count.value += 1
            return instead(call, real, *args, **options)

        monkeypatch.setattr(os, name, counted)

    def so_far(self) -> int:
        """Return how many there were."""
        return int(self._count.value)


def _failing(which: range, code: int) -> Callable[..., Any]:
    def instead(call: int, real: Callable[..., Any], *args: Any, **options: Any) -> Any:
        if call in which:
            raise OSError(code, os.strerror(code))
        return real(*args, **options)

    return instead


def _reads_of_a_boot(path: Path) -> int:
    """Return how often a cold boot reads the bundle."""
    with pytest.MonkeyPatch.context() as patched:
        calls = _Calls(patched, "pread", lambda _, real, *args: real(*args))
        with reader.open_bundle(str(path)) as bundle:
            toc = bundle.toc()
    return calls.so_far() + 1 + len(toc.frames) - 1  # the decoder; every frame but that of the checksums


def test_a_read_that_fails_is_told_of_the_bundle(
    golden: Path, only_cache: Path, golden_sums: Dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """EIO from each read in turn: the error names the bundle, there is no tree, and the next boot is right."""
    for number in range(_reads_of_a_boot(golden)):
        with monkeypatch.context() as patched:
            _Calls(patched, "pread", _failing(range(number, sys.maxsize), errno.EIO))
            failed = boot_in_child(golden).failure()
        assert str(golden) in failed.message, (number, failed)
        assert "Input/output error" in failed.message, (number, failed)
        assert (_trees(only_cache), _unfinished(only_cache)) == ([], []), number
    assert sums_of(boot_in_child(golden).tree()) == golden_sums


def test_short_reads_and_writes_are_continued(
    golden: Path, only_cache: Path, golden_sums: Dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network file system may return less than was asked for, and take less than it was given."""
    some = chance()
    read, write = os.pread, os.pwrite
    monkeypatch.setattr(os, "pread", lambda fd, size, place: read(fd, some.randint(1, max(size, 1)), place))
    monkeypatch.setattr(os, "pwrite", lambda fd, data, place: write(fd, data[: some.randint(1, 1 << 16)], place))
    assert sums_of(boot_in_child(golden).tree()) == golden_sums, f"seed {SEED}"


def test_a_bundle_that_ends_while_it_is_read_is_damaged(
    golden: Path, only_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process truncates it before each read in turn."""
    for number in range(_reads_of_a_boot(golden)):
        with monkeypatch.context() as patched:
            _Calls(patched, "pread", lambda call, real, *args, end=number: real(*args) if call < end else b"")
            failed = boot_in_child(golden).failure()
        assert failed.kind == "BundleDamaged", (number, failed)
        assert (_trees(only_cache), _unfinished(only_cache)) == ([], []), number


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("mkdir", errno.EIO),
        ("pwrite", errno.EIO),
        ("pwrite", errno.EDQUOT),
        ("rename", errno.EIO),
        ("replace", errno.EIO),
        ("link", errno.EMLINK),
        ("write", errno.EDQUOT),
        ("unlink", errno.EIO),
    ],
)
def test_a_write_that_fails_never_makes_a_wrong_tree(
    tmp_path: Path,
    only_cache: Path,
    golden_sums: Dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    code: int,
) -> None:
    """Each call of a boot fails in turn: the boot is right all the same, or ends with its error; so is the next."""
    path, right = GOLDEN, golden_sums  # it has links
    if name != "link":
        files = _files(10)
        path, right = bundle_of(tmp_path / "bundle", files), _sums_of(files, tmp_path / "right")
    for number in itertools.count():
        with monkeypatch.context() as patched:
            calls = _Calls(patched, name, _failing(range(number, number + 1), code))
            outcome = boot_in_child(path, calls.so_far).outcome()
        told = (name, number, outcome)
        assert outcome.kind in ("", "NoPlace", "UnpackFailed"), told
        for tree in _trees(only_cache):
            assert sums_of(tree) == right, told
        assert sums_of(boot_in_child(path).tree()) == right, told
        shutil.rmtree(str(only_cache))
        if outcome.noted <= number:  # all of them had their turn
            return


# ---- bundles that change


Change = Callable[[Path, bytes], None]


def _replace(path: Path, content: bytes) -> None:
    aside = path.with_name("aside")
    aside.write_bytes(content)
    os.replace(str(aside), str(path))


def _overwrite(path: Path, content: bytes) -> None:
    path.write_bytes(content)


@pytest.mark.parametrize("change", [_replace, _overwrite])
@pytest.mark.parametrize("known", [False, True])
def test_a_bundle_that_changes_while_it_is_read(
    tmp_path: Path, only_cache: Path, monkeypatch: pytest.MonkeyPatch, change: Change, known: bool
) -> None:
    """After each read in turn: the boot gives the tree of one or the other, or its error, and the next boot the new's.

    `known`: the old one's tree lies in the cache already.
    """
    versions = [_files(5, version, largest=3000 + version) for version in (1, 2)]
    old, new = [bundle_of(tmp_path / f"v{number}", files, 4096) for number, files in enumerate(versions)]
    right = [_sums_of(files, tmp_path / f"right{number}") for number, files in enumerate(versions)]
    path = tmp_path / "bundle"
    for number in range(_reads_of_a_boot(old)):

        def changing(call: int, real: Callable[..., bytes], *args: Any, last: int = number) -> bytes:
            data = real(*args)
            if call == last:
                change(path, new.read_bytes())
            return data

        path.write_bytes(old.read_bytes())
        if known:
            boot_in_child(old).tree()
        with monkeypatch.context() as patched:
            _Calls(patched, "pread", changing)
            outcome = boot_in_child(path).outcome()
        assert outcome.kind in ("", "BundleDamaged"), (number, outcome)
        if not outcome.kind:
            assert sums_of(Path(outcome.message)) in right, number
        assert all(sums_of(tree) in right for tree in _trees(only_cache)), number
        if path.read_bytes() != new.read_bytes():  # the tree was found before that read
            assert known
            change(path, new.read_bytes())
        assert sums_of(boot_in_child(path).tree()) == right[1], number
        shutil.rmtree(str(only_cache))


# ---- folders of others


def test_a_tree_that_another_user_planted_is_not_used(
    tmp_path: Path, golden: Path, golden_sums: Dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache folder of another user, or a link to one, is passed over, warm and cold, and nothing is written there."""
    if os.getuid() != 0:
        lacking("the right to give a folder away", "run as root")
    foreign, link, own = [tmp_path / name for name in ("foreign", "link", "own")]
    monkeypatch.setattr(cache, "candidates", lambda _: [str(foreign)])
    planted = boot_in_child(golden).tree() / SITE_PACKAGES / "alpha" / "__init__.py"
    planted.write_text("raise SystemExit('planted')\n")
    for path in (foreign, *foreign.rglob("*")):
        os.chown(str(path), 12345, 12345)
    link.symlink_to(foreign)
    before = sorted((str(path), path.stat().st_mtime_ns) for path in foreign.rglob("*"))
    monkeypatch.setattr(cache, "candidates", lambda _: [str(foreign), str(link), str(own)])
    for _ in range(2):
        tree = boot_in_child(golden).tree()
        assert str(tree.parent) == str(own)
        assert sums_of(tree) == golden_sums
    assert sorted((str(path), path.stat().st_mtime_ns) for path in foreign.rglob("*")) == before
    monkeypatch.setattr(cache, "candidates", lambda _: [str(foreign), str(link)])
    failed = boot_in_child(golden).failure()
    assert f"{foreign}: belongs to uid 12345" in failed.message
    assert f"{link}: is a link or no folder" in failed.message


# ---- damage


class _Damaged:
    """A copy of the golden bundle that is damaged and mended again."""

    def __init__(self, folder: Path) -> None:
        self.whole = GOLDEN.read_bytes()
        self.path = folder / "damaged.tar.zst"
        self.path.write_bytes(self.whole)
        with reader.open_bundle(str(GOLDEN)) as bundle:
            decoder = bundle.toc().decoder
        assert decoder is not None
        self.end_of_decoder = decoder.offset + decoder.size
        with reader.open_bundle(str(self.path)) as bundle:
            self.digest = bundle.digest
        self._trees = itertools.count()
        self._folder = folder

    def flip(self, bit: int) -> None:
        place = bit // 8
        with open(str(self.path), "r+b") as file:
            file.seek(place)
            file.write(bytes([self.whole[place] ^ 1 << bit % 8]))

    def mend(self, bit: int) -> None:
        with open(str(self.path), "r+b") as file:
            file.seek(bit // 8)
            file.write(self.whole[bit // 8 : bit // 8 + 1])

    def verdict(self, what: str, right: Dict[str, str]) -> str:
        """Unpack with the digest pinned, and return the error's name; fail unless the tree is right or absent."""
        tree = self._folder / f"tree{next(self._trees)}"
        try:
            with within(20, what), reader.open_bundle(str(self.path)) as bundle:
                trust.check_pin(bundle.path, bundle.digest, {"AIRPACK_DIGEST": self.digest})
                host.check(bundle.path, bundle.target)
                unpack.unpack_into(bundle, str(tree))
        except BootError as error:
            assert not tree.exists(), what
            assert "\n" not in str(error), what
            return type(error).__name__
        except Exception as error:
            raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
        assert sums_of(tree) == right, what
        shutil.rmtree(str(tree))
        return "right"


def _bits(damaged: _Damaged) -> List[int]:
    """Return half of the bits from all of the file, half from what is parsed; all of the heading's first."""
    some = chance()
    size, parsed = len(damaged.whole), damaged.end_of_decoder
    heading = damaged.whole.index(layout.HEADING, parsed)
    bits = list(range(heading * 8, damaged.whole.index(b"\n", heading) * 8 + 8))
    bits += [some.randrange(parsed * 8, size * 8) for _ in range(FLIPS // 2 - len(bits))]
    return bits + [some.randrange(size * 8) for _ in range(FLIPS // 2)]


@pytest.mark.slow
def test_every_flipped_bit_is_found(tmp_path: Path, golden_sums: Dict[str, str]) -> None:
    """2,000 flips, each bit of the heading and each byte of the ends among them: an error in one line, and no tree."""
    damaged = _Damaged(tmp_path)
    found: Dict[str, int] = {}
    wrong: List[str] = []
    for bit in _bits(damaged):
        damaged.flip(bit)
        try:
            verdict = damaged.verdict(f"bit {bit % 8} of byte {bit // 8} flipped, seed {SEED}", golden_sums)
        except AssertionError as error:
            wrong.append(str(error))
            verdict = "wrong"
        damaged.mend(bit)
        found[verdict] = found.get(verdict, 0) + 1
    assert damaged.path.read_bytes() == damaged.whole
    assert wrong == [], f"{len(wrong)} of {FLIPS}, the first ten: {wrong[:10]}"
    assert set(found) == {"BundleDamaged", "WrongDigest"}, found
    assert sum(found.values()) == FLIPS


def test_no_truncated_bundle_makes_a_tree(tmp_path: Path, golden_sums: Dict[str, str]) -> None:
    """500 lengths, the last bytes' among them: each is told to be truncated."""
    damaged = _Damaged(tmp_path)
    size = len(damaged.whole)
    some = chance()
    lengths = [*range(size - 50, size), *range(50), *(some.randrange(size) for _ in range(TRUNCATIONS - 100))]
    for length in sorted(lengths, reverse=True):
        os.truncate(str(damaged.path), length)
        verdict = damaged.verdict(f"cut to {length} bytes, seed {SEED}", golden_sums)
        assert verdict == "BundleDamaged", (length, SEED)


def _end_in_a_line(words: Tuple[str, ...], env: Dict[str, str], what: str) -> None:
    done = python(*words, env={**env, "PYTHONPATH": str(RUNTIME)})
    if done.returncode == 0:
        return
    assert done.returncode == 97, (what, done)
    assert done.stderr.startswith("airpack: "), (what, done.stderr)
    assert done.stderr.count("\n") == 1, (what, done.stderr)
    assert "a bug in airpack" not in done.stderr, (what, done.stderr)


@pytest.mark.slow
def test_a_damaged_bundle_ends_the_command_in_one_line(tmp_path: Path, env: Dict[str, str]) -> None:
    """A sample of the same damage, by the command itself: never a traceback."""
    damaged = _Damaged(tmp_path)
    some = chance()
    words = ("-m", "airpack_runtime", "exec", "--bundle", str(damaged.path), "--", "python", "-c", "import alpha")
    for bit in some.sample(_bits(damaged)[: FLIPS // 2], 15) + some.sample(_bits(damaged)[FLIPS // 2 :], 10):
        damaged.flip(bit)
        _end_in_a_line(words, env, f"bit {bit % 8} of byte {bit // 8} flipped, seed {SEED}")
        damaged.mend(bit)
    for _ in range(5):
        os.truncate(str(damaged.path), some.randrange(damaged.path.stat().st_size))
        _end_in_a_line(words, env, f"cut to {damaged.path.stat().st_size} bytes, seed {SEED}")


def test_a_target_that_cannot_be_read_is_no_fault_of_airpack(forge: Callable[..., Path], only_cache: Path) -> None:
    """A flipped bit in the platform's name is met before the table of contents is read: no exception of Python's."""
    for platform in ("manylinux_r_27_x86_64", "manylinux_x86_64", "manylinux_2__x86_64"):
        path = forge(lambda data, name=platform: data.update(target=f"cp37-{name}"))
        assert boot_in_child(path).outcome().kind in ("", "BundleDamaged", "WrongTarget"), platform
