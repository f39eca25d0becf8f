"""The line that a boot logs: when, in which form, with what in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest
from airpack_runtime import layout
from airpack_runtime.care import log
from airpack_runtime.format import reader, toc
from airpack_runtime.provide import storage, unpack
from airpack_runtime.ready import Ready

from ..conftest import RUNTIME, bundle_of, needs_target, python

pytestmark = needs_target
TIMES = r"[a-z]+ \d+\.\d ms(, [a-z]+ \d+\.\d ms)*"


@pytest.fixture
def dropped(env: Dict[str, str], dropin: Path) -> Dict[str, str]:
    """Return the environment of a process with the drop-in on its path, which says nothing of the log."""
    dropin.chmod(0o755)
    (dropin / layout.BUNDLE_NAME).chmod(0o644)
    return {**{name: value for name, value in env.items() if name != "AIRPACK_LOG"}, "PYTHONPATH": str(dropin)}


def _logged(env: Dict[str, str]) -> str:
    """Return what a start through the drop-in logs."""
    done = python("-c", "import alpha; print(alpha.VALUE)", env=env)
    assert (done.returncode, done.stdout) == (0, "41\n"), done.stderr
    return done.stderr


def _facts(env: Dict[str, str]) -> Dict[str, Any]:
    """Return what a start logs as JSON: one object on one line."""
    text = _logged({**env, "AIRPACK_LOG": "json"})
    assert text.count("\n") == 1
    facts: Dict[str, Any] = json.loads(text)
    return facts


def _exec(*words: str, env: Dict[str, str]) -> "subprocess.CompletedProcess[str]":
    bundle = str(Path(env["PYTHONPATH"]) / layout.BUNDLE_NAME)
    command = ["exec", "--bundle", bundle, "--", *words]
    return python("-m", "airpack_runtime", *command, env={**env, "PYTHONPATH": str(RUNTIME)})


def _digest(bundle: Path) -> str:
    with reader.open_bundle(str(bundle)) as opened:
        return str(opened.digest)


def test_a_cold_start_logs_a_line_and_warm_ones_do_not(
    dropped: Dict[str, str], golden: Path, cache_folder: Path
) -> None:
    """The line tells strategy, tree, digest, trust, bytes and times."""
    digest = _digest(golden)
    head = rf"airpack: unpacked: {cache_folder}/{digest} \(sha256:{digest[:12]}, unpinned; "
    assert re.fullmatch(rf"{head}\d+\.\d MB, {TIMES}\)\n", _logged(dropped))
    assert _logged(dropped) == ""


def test_a_warm_start_logs_when_asked_to(dropped: Dict[str, str], cache_folder: Path) -> None:
    """No bytes were written."""
    _logged(dropped)
    line = rf"airpack: cached: {cache_folder}/\w+ \(sha256:\w{{12}}, unpinned; {TIMES}\)\n"
    assert re.fullmatch(line, _logged({**dropped, "AIRPACK_LOG": "text"}))


def test_json_tells_the_same_and_more(dropped: Dict[str, str], dropin: Path, cache_folder: Path) -> None:
    """Cold, then warm; each member is there both times."""
    bundle = dropin / layout.BUNDLE_NAME
    with reader.open_bundle(str(bundle)) as opened:
        target, digest, size = opened.target, opened.digest, opened.toc().unpacked_size
    for strategy, written, phases in (
        ("unpacked", size, {"unpack", "find", "activate"}),
        ("cached", 0, {"find", "activate"}),
    ):
        facts = _facts(dropped)
        milliseconds = facts.pop("milliseconds")
        assert facts == {
            "event": "airpack boot",
            "strategy": strategy,
            "bundle": str(bundle),
            "target": target,
            "digest": f"sha256:{digest}",
            "pinned": False,
            "writable_by_others": "",
            "tree": f"{cache_folder}/{digest}",
            "bytes": written,
            "passed_over": "",
            "breaks": [],
            "lacks": [],
            "shadowed": [],
            "signed_by": None,
        }
        assert set(milliseconds) == phases
        assert all(isinstance(each, float) and 0 <= each < 60_000 for each in milliseconds.values())


def test_the_phases_are_parts_of_the_start(dropped: Dict[str, str]) -> None:
    """They don't overlap: together they take less than the process did."""
    program = "import time; print(time.perf_counter())"
    start = python("-c", program, env={})
    done = python("-c", program, env={**dropped, "AIRPACK_LOG": "json"})
    took = (float(done.stdout) - float(start.stdout)) * 1e3
    assert 0 < sum(json.loads(done.stderr)["milliseconds"].values()) < took


@pytest.mark.parametrize("value", ["", "1", "TEXT"])
def test_another_value_is_as_none(dropped: Dict[str, str], value: str) -> None:
    """A cold start logs as text, warm ones nothing."""
    assert _logged({**dropped, "AIRPACK_LOG": value}).startswith("airpack: unpacked: ")
    assert _logged({**dropped, "AIRPACK_LOG": value}) == ""


def test_off_silences_cold_starts_and_exec(dropped: Dict[str, str]) -> None:
    """Not one line, cold or warm."""
    dropped["AIRPACK_LOG"] = "off"
    for _ in range(2):
        assert _logged(dropped) == ""
        assert _exec("python", "-c", "import alpha", env=dropped).stderr == ""


def test_off_does_not_silence_a_failure(dropped: Dict[str, str]) -> None:
    """An error is no log."""
    done = python("-c", "pass", env={**dropped, "AIRPACK_LOG": "off", "AIRPACK_BUNDLE": "/nonexistent"})
    assert (done.returncode, done.stderr.count("\n")) == (97, 1)


def test_exec_logs_always_and_what_it_starts_does_not(dropped: Dict[str, str]) -> None:
    """One line cold, one line warm, before the command's own."""
    for strategy in ("unpacked", "cached"):
        done = _exec("python", "-c", "import alpha, sys; sys.stderr.write('own')", env=dropped)
        assert re.fullmatch(rf"airpack: {strategy}: .* ms\)\nown", done.stderr)
    done = _exec("python", "-c", "import alpha", env={**dropped, "AIRPACK_LOG": "json"})
    assert [json.loads(line)["strategy"] for line in done.stderr.splitlines()] == ["cached", "inherited"]


def test_a_pinned_bundle_is_told_as_such(dropped: Dict[str, str], golden: Path) -> None:
    """In both forms, cold and warm."""
    dropped["AIRPACK_DIGEST"] = f"sha256:{_digest(golden)}"
    assert ", pinned; " in _logged(dropped)
    assert _facts(dropped)["pinned"] is True
    assert ", pinned; " in _logged({**dropped, "AIRPACK_LOG": "text"})


@pytest.mark.parametrize(
    ("folder", "file", "writable"),
    [
        (0o755, 0o644, ""),
        (0o775, 0o644, "folder"),
        (0o777, 0o644, "folder"),
        (0o1777, 0o644, ""),
        (0o755, 0o666, "file"),
    ],
)
def test_what_others_may_write_to_is_a_warning(
    dropped: Dict[str, str], dropin: Path, folder: int, file: int, writable: str
) -> None:
    """Whoever can change or replace the bundle decides what is imported; in a sticky folder, its owner alone can."""
    bundle = dropin / layout.BUNDLE_NAME
    bundle.chmod(file)
    dropin.chmod(folder)
    place = {"": "", "folder": str(dropin), "file": str(bundle)}[writable]
    text = _logged(dropped)
    end = f"; anyone who may write to {place} decides what is imported: set AIRPACK_DIGEST\n" if place else " ms)\n"
    assert text.endswith(end)
    assert (text.count("\n"), "anyone" in text) == (1, bool(place))
    assert _facts(dropped)["writable_by_others"] == place


def test_a_pin_makes_the_warning_needless(dropped: Dict[str, str], dropin: Path, golden: Path) -> None:
    """Another bundle would be refused."""
    dropin.chmod(0o777)
    dropped["AIRPACK_DIGEST"] = _digest(golden)
    assert "anyone" not in _logged(dropped)
    assert _facts(dropped)["writable_by_others"] == ""


def test_a_tree_that_is_there_is_as_silent_as_a_cached_one(
    tmp_path: Path, golden: Path, dropped: Dict[str, str]
) -> None:
    """Nothing is made by any start from a mounted folder."""
    with reader.open_bundle(str(golden)) as bundle:
        unpack.unpack(bundle, str(tmp_path / "tree"))
        note = f'{{\n  "target": "{bundle.target}",\n  "digest": "sha256:{bundle.digest}"\n}}\n'
    (tmp_path / "tree" / layout.TREE_NOTE).write_text(note)
    dropped["AIRPACK_BUNDLE"] = str(tmp_path / "tree")
    facts = _facts(dropped)
    assert (facts["strategy"], facts["bytes"]) == ("a tree that is there", 0)
    assert facts["digest"] == f"sha256:{_digest(golden)}"
    assert _logged(dropped) == ""


def test_the_line_is_one_line_for_a_bundle_of_any_name(tmp_path: Path, dropped: Dict[str, str]) -> None:
    """Bytes that are no text, under a locale that has but ASCII."""
    folder = os.path.join(os.fsencode(str(tmp_path)), b"caf\xe9 \xe2\x82\xac")
    os.mkdir(folder)
    os.chmod(folder, 0o777)
    path = bundle_of(tmp_path / "plain.tar.zst", {"alpha.py": b"VALUE = 41\n"})
    shutil.copy(os.fsencode(str(path)), os.path.join(folder, b"bundle.tar.zst"))
    dropped.update(AIRPACK_BUNDLE=os.fsdecode(os.path.join(folder, b"bundle.tar.zst")), LC_ALL="C", PYTHONUTF8="0")
    text = _logged(dropped)
    assert (text.count("\n"), text.endswith(" decides what is imported: set AIRPACK_DIGEST\n")) == (1, True)
    assert _facts(dropped)["bundle"].startswith(f"{tmp_path}/caf")


def test_libraries_that_the_image_lacks_are_told(tmp_path: Path) -> None:
    """By the boot that unpacks the bundle, in a line of their own, with what has them; one that is there isn't told."""
    needs = (
        toc.Need("libabsent.so.1", "needed by one; Debian's libone has it", False),
        toc.Need("libc.so.6", "", True),
    )
    ready = Ready(bundle="b", key="", target="", digest="", tree=str(tmp_path), how="unpacked", created=True)
    lines = log.text(ready.replace(needs=needs), {}, always=False).splitlines()
    lacking = "libabsent.so.1 (needed by one; Debian's libone has it)"
    assert lines[1:] == [f"airpack: this image lacks: {lacking}"]
    assert json.loads(log.text(ready.replace(needs=needs), {"AIRPACK_LOG": "json"}, always=False))["lacks"] == [lacking]
    assert len(log.text(ready, {}, always=False).splitlines()) == 1


@pytest.mark.parametrize("error", ["closed", "full", "broken"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_program_does_not_notice_that_the_line_could_not_be_written(
    dropped: Dict[str, str], form: str, error: str
) -> None:
    """Standard error closed, on a full disk, or a pipe that nobody reads: output and status are the program's."""
    line = [sys.executable, "-c", "import alpha; print(alpha.VALUE)"]
    if error == "closed":
        line = ["sh", "-c", 'exec "$@" 2>&-', "sh", *line]
    unread, pipe = os.pipe()
    os.close(unread)
    with open(pipe, "wb") as broken, open("/dev/full", "wb") as full:
        sink = full if error == "full" else broken
        env = {**dropped, "AIRPACK_LOG": form}
        done = subprocess.run(line, env=env, stdout=subprocess.PIPE, stderr=sink, timeout=60, check=False)
    assert (done.stdout, done.returncode) == (b"41\n", 0)


@pytest.mark.alone
def test_a_volume_that_all_can_write_will_do(tmp_path: Path) -> None:
    """A Kubernetes emptyDir has no sticky bit, and often is all that can be written: it is told."""
    line = ["mount", "-t", "tmpfs", "-o", "mode=0777", "none", str(tmp_path)]
    if subprocess.run(line, stderr=subprocess.PIPE, check=False).returncode:
        pytest.skip("only root can mount a tmpfs")
    try:
        folder = str(tmp_path / "deep" / "airpack-0")
        assert storage.prepare(folder, 0, 0) is None
        assert log.open_volume(folder) == str(tmp_path)
        tmp_path.chmod(0o1777)
        assert log.open_volume(folder) == ""
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
