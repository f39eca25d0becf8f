"""A plain tree is compared with the RECORDs in it, or with a bundle."""

from __future__ import annotations

import hashlib
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from airpack.verify import tree
from airpack.verify.shares import Share
from airpack.wheels.record import Content
from airpack_runtime import layout
from support.airpack import Airpack


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_a_tree_is_compared_with_its_records(airpack: Airpack, dist: Path) -> None:
    """What they can't tell is said; what is changed, missing or added is found; and what isn't a file."""
    place = dist.with_name("tree")
    (note,) = airpack.findings(place, status=0)
    assert note.startswith("note: the tree: 4 files of bytecode are in no RECORD")
    site = place / "lib/python3.7/site-packages"
    (site / "one" / "__init__.py").unlink()
    (site / "one" / "__init__.py").write_text("evil\n")
    (site / "two.py").unlink()
    (site / "added.pth").write_text("import evil\n")
    (site / "link").symlink_to("/etc")
    found = [line.rpartition(": ")[0] for line in airpack.findings(place)]
    assert found[:4] == [
        "error: lib/python3.7/site-packages/link is neither a file nor a folder",
        "error: one 1.0: lib/python3.7/site-packages/one/__init__.py is not what its RECORD lists",
        "error: two 1.0: lib/python3.7/site-packages/two.py is missing, which its RECORD lists",
        "error: lib/python3.7/site-packages/added.pth is in no RECORD",
    ]


@pytest.mark.usefixtures("target_python")
def test_a_tree_is_compared_with_a_bundle(airpack: Airpack, dist: Path) -> None:
    """Content, modes and bytecode as well; a link may have become a file of its own."""
    place = dist.with_name("tree")
    assert airpack.findings(place, "--bundle", dist, status=0) == []
    assert airpack("verify", place, "--bundle", dist) == 0
    assert "import         3 modules" in airpack.err
    (cached,) = (place / "lib/python3.7/site-packages" / "__pycache__").glob("two.*")
    data = cached.read_bytes()
    cached.unlink()
    cached.write_bytes(data[:-1] + b"?")
    (place / "bin" / "one-run").chmod(0o644)
    (place / "lib/python3.7/site-packages" / "__pycache__" / "one.cpython-38.pyc").write_bytes(b"")
    found = [line.rpartition(": ")[0] for line in airpack.findings(place, "--bundle", dist)]
    assert sorted(found) == [
        "error: bin/one-run has the mode 0644, in the bundle 0755",
        "error: lib/python3.7/site-packages/__pycache__/two.cpython-37.pyc is not what the bundle has",
        (
            "warning: lib/python3.7/site-packages/__pycache__/one.cpython-38.pyc is bytecode "
            "that the bundle lacks, and may do anything"
        ),
    ]


def test_a_tree_names_its_bundle(tmp_path: Path) -> None:
    """By its note; one that is missing or damaged names none. Beside a bundle, it is no plain tree."""
    note = tmp_path / layout.TREE_NOTE
    assert not tree.is_tree(tmp_path)
    assert tree.note_in(tmp_path) == tree.Note(target="", digest="")
    note.write_text(layout.tree_note("cp37-manylinux_2_27_x86_64", "ab"))
    assert tree.is_tree(tmp_path)
    assert tree.note_in(tmp_path) == tree.Note(target="cp37-manylinux_2_27_x86_64", digest="sha256:ab")
    for text in ("[]", "{", '{"target": "cp37"}', "\xff"):
        note.write_text(text, encoding="latin-1")
        assert tree.note_in(tmp_path) == tree.Note(target="", digest="")
    (tmp_path / layout.BUNDLE_NAME).touch()
    assert not tree.is_tree(tmp_path)


def test_each_file_of_a_tree_is_read(tmp_path: Path) -> None:
    """Also by a link that stays in the tree; airpack's own notes at its top are left out."""
    content = Content(size=6, sha256=hashlib.sha256(b"x = 1\n").hexdigest())
    (tmp_path / "lib/python3.7/site-packages").mkdir(parents=True)
    (tmp_path / "lib/python3.7/site-packages" / "one.py").write_text("x = 1\n")
    (tmp_path / "lib/python3.7/site-packages" / "one.py").chmod(0o640)
    (tmp_path / "lib/python3.7/site-packages" / "link.py").symlink_to("one.py")
    (tmp_path / layout.TREE_NOTE).touch()
    (tmp_path / layout.SUMS).touch()
    with ThreadPoolExecutor(1) as executor:
        nodes, findings = tree.read(tmp_path, executor)
    node = tree.Node(mode=stat.S_IFREG | 0o640, content=content)
    assert nodes == {"lib/python3.7/site-packages/link.py": node, "lib/python3.7/site-packages/one.py": node}
    assert findings == []


def test_what_can_not_be_read_is_an_error(tmp_path: Path) -> None:
    """A pipe is not waited for, a link is not followed out of the tree, nor in circles."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "out").symlink_to("/etc/passwd")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "nowhere").symlink_to("absent")
    with ThreadPoolExecutor(1) as executor:
        nodes, findings = tree.read(tmp_path, executor)
    unreadable = tree.Node(mode=0, content=None)
    assert nodes == dict.fromkeys(["circle", "nowhere", "out", "pipe"], unreadable)
    assert [f"{finding.severity}: {finding.package} {finding.sentence}" for finding in findings] == [
        "error: circle can't be read (Too many levels of symbolic links)",
        "error: nowhere can't be read (No such file or directory)",
        "error: out is neither a file nor a folder",
        "error: pipe is neither a file nor a folder",
    ]


def test_a_damaged_record_is_an_error(tmp_path: Path) -> None:
    """The others are read, each with the name and version of its folder."""
    for name, rows in (("one", "one.py,,\n"), ("two", "two.py,md5=x,\n")):
        folder = tmp_path / "lib/python3.7/site-packages" / f"{name}-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "RECORD").write_text(rows)
    with ThreadPoolExecutor(1) as executor:
        nodes, _ = tree.read(tmp_path, executor)
    records, findings = tree.records_in(tmp_path, nodes, "")
    assert [(record.name, record.version, [*record.rows]) for record in records] == [
        ("one", "1.0", ["lib/python3.7/site-packages/one.py"])
    ]
    modules = "lib/python3.7/site-packages"
    assert tree.shares_of(records) == [Share(name="one", version="1.0", folder=modules, paths=[f"{modules}/one.py"])]
    assert [str(finding) for finding in findings] == [
        (
            "error: lib/python3.7/site-packages/two-1.0.dist-info/RECORD is damaged (it has "
            "a hash by md5): unpack the bundle again"
        )
    ]
