"""What a pack records of its imports: `imports.json`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airpack.results.folder import Results
from airpack.results.proof import ProofRecord, TriedImport
from support import machine
from support.airpack import Airpack
from support.wheels import build_wheel


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_a_pack_records_how_long_each_import_took(airpack: Airpack, wheels: Path) -> None:
    """Beside the bundle, also where it was imported before; without a proof, no older record stays."""
    build_wheel(wheels, "one", files={"one.py": "import time\ntime.sleep(0.2)\n", "two.py": "import absent_one\n"})
    assert airpack.pack("one", "--no-bytecode") == 0, airpack.err
    written = (airpack.output / "imports.json").read_text()
    manifest = json.loads((airpack.output / "manifest.json").read_text())
    told = json.loads(written)
    assert (told["version"], told["digest"]) == (1, manifest["bundle"]["digest"])
    assert told["python"] == machine.python37().version
    one, two = sorted(told["imports"], key=lambda each: str(each["module"]))
    assert (one["module"], one["package"], one["error"]) == ("one", "one", "")
    assert 200 <= one["took"] < 60_000
    assert (two["module"], two["error"]) == ("two", "ModuleNotFoundError: No module named 'absent_one'")
    assert min(one["started"], two["started"]) < 1000
    assert airpack.pack("one", "--no-bytecode") == 0
    assert "import    as before" in airpack.err
    assert (airpack.output / "imports.json").read_text() == written
    assert airpack.pack("one", "--no-bytecode", "--no-import") == 0
    assert not (airpack.output / "imports.json").exists()


RECORD = ProofRecord(
    digest="ab" * 32,
    python="3.7.17",
    imports=[TriedImport(module="one", package="one", started=0, took=12, error="")],
)


def test_a_record_is_of_one_bundle(tmp_path: Path) -> None:
    """Beside another it counts as none."""
    (tmp_path / "imports.json").write_text(RECORD.dumps())
    results = Results.at(tmp_path)
    assert results.imports("ab" * 32) == RECORD
    assert results.imports("cd" * 32) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 2}',
        RECORD.dumps().replace("12", '"12"'),
        RECORD.dumps().replace('"one"', '"o\\u001bne"'),
        "[" * 100_000,
    ],
)
def test_what_is_no_record_counts_as_none(tmp_path: Path, text: str) -> None:
    """It says nothing about the bundle, and comes from elsewhere."""
    (tmp_path / "imports.json").write_text(text)
    assert Results.at(tmp_path).imports("ab" * 32) is None
