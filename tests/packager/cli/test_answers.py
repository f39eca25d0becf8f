"""The JSON document that commands print for programs, checked against the schema in docs/."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
from airpack.base.console import Silent
from airpack.cli import answers
from airpack.results.folder import BUNDLE
from support import machine
from support import registry as real
from support.airpack import Airpack
from support.wheels import build_wheel

SCHEMA = json.loads((machine.ROOT / "docs" / "json.schema.json").read_text(encoding="utf-8"))
GOLDEN = machine.FIXTURES / "golden"


def _validate(document: object) -> None:
    import jsonschema  # late: it takes two seconds

    jsonschema.Draft202012Validator(SCHEMA).validate(document)


def _document(airpack: Airpack, *, status: int = 0) -> dict[str, Any]:
    """Return the only thing on standard output, which is as the schema says."""
    document: dict[str, Any] = json.loads(airpack.out)
    _validate(document)
    assert document["ok"] is (status == 0)
    assert (document["error"] or {"status": 0})["status"] == status
    return document


def test_the_schema_is_one() -> None:
    """Of the draft that it names; it refuses what is no document."""
    import jsonschema

    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    wrong = {"version": 1, "command": "sign", "ok": True, "result": {"key": 3}, "notes": [], "error": None}
    with pytest.raises(jsonschema.ValidationError):
        _validate(wrong)


@pytest.mark.slow
def test_what_is_packed_is_a_document(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """With the notes on the way; the lock and the signature of it, too."""
    build_wheel(wheels, "one", requires=["two"])
    build_wheel(wheels, "two")
    assert airpack("keygen", "-q", "-o", tmp_path / "team") == 0
    assert airpack.pack("one", "--json", "--no-import", "--sign", tmp_path / "team.key", "--sbom") == 0, airpack.err
    document = _document(airpack)
    packed = document["result"]
    assert [(package["name"], package["built"]) for package in packed["packages"]] == [("one", False), ("two", False)]
    assert packed["bundle"]["path"] == str(airpack.output / BUNDLE)
    assert packed["bundle"]["size"] == (airpack.output / BUNDLE).stat().st_size
    assert any(note.startswith("target ") for note in document["notes"])
    assert airpack("inspect", airpack.output, "--json") == 0
    assert json.loads(airpack.out)["digest"] == packed["bundle"]["digest"]
    words = ["lock", "one", "--no-index", "--find-links", wheels, "-o", tmp_path / "pylock.toml", "--json"]
    assert airpack(*words) == 0, airpack.err
    assert [package["name"] for package in _document(airpack)["result"]["packages"]] == ["one", "two"]
    assert airpack("rebuild", airpack.output, "--no-index", "--decoder", airpack.decoder, "--json") == 0, airpack.err
    rebuilt = _document(airpack)["result"]
    assert (rebuilt["same_bytes"], rebuilt["differences"]) == (True, 0)
    assert rebuilt["digest"] == packed["bundle"]["digest"]
    assert airpack("sign", airpack.output, "--key", tmp_path / "team.key", "--json") == 0
    assert _document(airpack)["result"]["signatures"] == [
        str(airpack.output / f"{name}.sig") for name in (BUNDLE, "manifest.json")
    ]


@pytest.mark.slow
def test_what_is_written_besides_is_a_document(airpack: Airpack, tmp_path: Path) -> None:
    """A key pair, the shim, files of a bundle, what a deployment needs."""
    assert airpack("keygen", "-o", tmp_path / "team", "--json") == 0, airpack.err
    assert _document(airpack)["result"]["public"] == str(tmp_path / "team.pub")
    assert airpack("shim", "-o", tmp_path / "shim.pyz", "--json") == 0, airpack.err
    assert _document(airpack)["result"]["size"] == (tmp_path / "shim.pyz").stat().st_size
    assert airpack("extract", GOLDEN, "bin/*", "-o", tmp_path / "out", "--json") == 0, airpack.err
    assert _document(airpack)["result"]["files"] == len([*(tmp_path / "out" / "bin").iterdir()])
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "score.py").write_text("")
    words = ["azureml", GOLDEN, "--code", tmp_path / "code", "--model", tmp_path / "model", "--json"]
    assert airpack(*words) == 0, airpack.err
    assert _document(airpack)["result"] == {"environment": {"AZUREML_EXTRA_PYTHON_LIB_PATH": "extras"}, "command": []}


@pytest.mark.slow
def test_many_packs_have_a_result_and_an_error(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """Where some of them fail."""
    build_wheel(wheels, "one")
    (tmp_path / "fleet.toml").write_text(
        f'[defaults]\nno-index = true\nno-import = true\nfind-links = ["{wheels}"]\ndecoder = "{airpack.decoder}"\n'
        '[sets.good]\nrequirements = ["one"]\n[sets.bad]\nrequirements = ["nothing-here"]\n'
    )
    assert airpack("pack-all", tmp_path / "fleet.toml", "-o", tmp_path / "out", "--json") == 1
    document = _document(airpack, status=1)
    assert document["error"]["type"] == "FleetFailed"
    ended = {each["name"]: (each["status"], bool(each["bundle"])) for each in document["result"]["packs"]}
    assert ended == {"good": (0, True), "bad": (1, False)}


def test_what_is_carried_is_a_document(airpack: Airpack, tmp_path: Path) -> None:
    """Through a shared folder, as an OCI layout; its SBOM and its report; how it would be run."""
    bundle, url = GOLDEN / BUNDLE, f"file://{tmp_path}/store"
    assert airpack("upload", bundle, url, "--json") == 0, airpack.err
    digest = _document(airpack)["result"]["digest"]
    assert airpack("download", url, "-o", tmp_path / "back", "--json") == 0, airpack.err
    assert _document(airpack)["result"]["digest"] == digest
    assert airpack("oci", bundle, "-o", tmp_path / "layout", "--json") == 0, airpack.err
    assert _document(airpack)["result"]["images"][0]["target"] == "cp37-manylinux_2_27_x86_64"
    assert airpack("delta", bundle, bundle, "-o", tmp_path / "delta", "--json") == 0, airpack.err
    assert _document(airpack)["result"]["frames"] == 0
    assert airpack("apply", bundle, tmp_path / "delta", "-o", tmp_path / "same", "--json") == 0, airpack.err
    assert _document(airpack)["result"]["digest"] == digest
    assert airpack("licenses", bundle, "--strict", "--notices", tmp_path / "notices", "--json") == 1
    document = _document(airpack, status=1)
    assert document["result"]["notices"] == str(tmp_path / "notices")
    assert {row["verdict"] for row in document["result"]["packages"]} == {"unknown"}
    build_wheel(tmp_path / "house", "one")
    assert airpack("index", tmp_path / "house", "-o", tmp_path / "simple", "--json") == 0, airpack.err
    assert _document(airpack)["result"]["added"] == ["one-1.0-py3-none-any.whl"]
    assert airpack("sbom", bundle, "-o", tmp_path / "sbom.json", "--json") == 0, airpack.err
    assert _document(airpack)["result"]["packages"] > 1
    assert airpack("report", bundle, "-o", tmp_path / "report.html", "--json") == 0, airpack.err
    assert _document(airpack)["result"]["findings"] is None
    python = machine.python37().path
    assert airpack("run", bundle, "--digest", digest, "--python", python, "--json", "--", "python", "-V") == 0, (
        airpack.err
    )
    prepared = _document(airpack)["result"]
    assert prepared["command"][-3:] == ["--", "python", "-V"]
    assert prepared["environment"]["AIRPACK_DIGEST"] == digest.removeprefix("sha256:")


def test_what_a_registry_takes_and_gives_is_a_document(airpack: Airpack, tmp_path: Path) -> None:
    """Pushed and pulled, by Debian's registry."""
    with real.serve(tmp_path / "registry") as registry:
        name = f"{registry.address}/models/churn:1"
        assert airpack("push", GOLDEN / BUNDLE, name, "--json") == 0, airpack.err
        assert _document(airpack)["result"]["tag"] == "1"
        assert airpack("pull", name, "-o", tmp_path / "back", "--json") == 0, airpack.err
        assert _document(airpack)["result"]["bundle"]["path"] == str(tmp_path / "back" / BUNDLE)


@pytest.mark.parametrize(
    ("words", "status", "kind"),
    [
        ("pack --json", 2, "UsageError"),
        ("pack --json --level 99 x", 2, "UsageError"),
        ("pack --json --no-index nothing-here", 1, "Unsatisfiable"),
        ("pack-all --json none.toml", 1, "InvalidFleet"),
        ("lock --json -o - x", 2, "UsageError"),
        ("-v push none registry.example/x --json", 1, "BundleNotFound"),
        ("pull --json registry.example/x:1:2", 2, "UsageError"),
        ("upload --json none file:///nowhere/x", 1, "BundleNotFound"),
        ("download --json flask", 2, "UsageError"),
        ("oci --json none -o layout", 1, "BundleNotFound"),
        ("sbom --json none", 2, "UsageError"),
        ("delta none none --json", 1, "BundleNotFound"),
        ("apply none none --json", 1, "FileNotFoundError"),
        ("licenses none --json --deny x", 2, "UsageError"),
        ("index --json none", 1, "FileNotFoundError"),
        ("sign --json none --key none.key", 1, "FileNotFoundError"),
        ("run none --json -- python", 1, "BundleNotFound"),
        ("rebuild none --json", 1, "FileNotFoundError"),
        ("python remove 3.9.1 --json", 1, "NotDownloaded"),
        ("show none --json", 1, "BundleNotFound"),
        ("diff none none --json", 2, "BundleNotFound"),
    ],
)
def test_an_error_is_a_document_as_well(
    airpack: Airpack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, status: int, kind: str
) -> None:
    """The same message as for people, with the exit status."""
    monkeypatch.chdir(tmp_path)
    assert airpack(*words.split()) == status, airpack.err
    document = _document(airpack, status=status)
    assert document["error"]["type"] == kind
    assert airpack.error == f"airpack: error: {document['error']['message']}"
    command = words.split(maxsplit=1)[0] if words[0] != "-" else "push"
    assert document["command"] == {"show": "inspect"}.get(command, command)


@pytest.mark.parametrize("setting", ["AIRPACK_JSON=1", "AIRPACK_INSPECT_JSON=true", "[tool.airpack]", "[inspect]"])
@pytest.mark.parametrize("words", [["inspect"], ["inspect", "--depht"], ["inspect", "x", "--sort", "age"]])
def test_a_setting_asks_for_documents_of_wrong_command_lines_too(
    airpack: Airpack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, words: list[str]
) -> None:
    """A program that set it once waits for JSON, whatever is wrong."""
    monkeypatch.chdir(tmp_path)
    name, _, value = setting.partition("=")
    if value:
        monkeypatch.setenv(name, value)
    else:
        file = tmp_path / ("pyproject.toml" if "tool" in setting else "airpack.toml")
        file.write_text(f"{setting}\njson = true\n")
    assert airpack(*words) == 2
    assert _document(airpack, status=2)["error"]["type"] == "UsageError"


def test_a_wrong_setting_is_a_document(airpack: Airpack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is wrong doesn't hide the one that asks for JSON; commands without documents give none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIRPACK_JSON", "1")
    monkeypatch.setenv("AIRPACK_SORT", "age")
    assert airpack("inspect", GOLDEN) == 2
    assert _document(airpack, status=2)["error"]["type"] == "InvalidSetting"
    assert airpack("completion", "none") == 2
    assert airpack.out == ""


def test_an_interrupt_is_a_document(airpack: Airpack, monkeypatch: pytest.MonkeyPatch) -> None:
    """One at least, and no second one where the first was printed already."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("airpack.cli.commands.inspect.run", interrupt)
    assert airpack("inspect", GOLDEN, "--json") == 130
    error = _document(airpack, status=130)["error"]
    assert error == {"type": "KeyboardInterrupt", "message": "interrupted; nothing was changed", "status": 130}

    def give_then_interrupt(arguments: argparse.Namespace, *_: object) -> None:
        answers.give(arguments, Silent(), {}, [])
        raise KeyboardInterrupt

    monkeypatch.setattr("airpack.cli.commands.inspect.run", give_then_interrupt)
    assert airpack("inspect", GOLDEN, "--json") == 130
    assert json.loads(airpack.out)["ok"] is True


def test_findings_stay_an_array(airpack: Airpack) -> None:
    """Verify prints its findings once, also where they are fatal."""
    assert airpack("verify", GOLDEN / BUNDLE, "--no-import", "--json", "--digest", "0" * 64) == 1
    assert [finding["severity"] for finding in json.loads(airpack.out)] == ["error"]
