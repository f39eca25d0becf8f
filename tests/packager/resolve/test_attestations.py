"""What an index says of who published a file goes into lock, manifest and SBOM (PEP 740)."""

from __future__ import annotations

import hashlib
import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli
from airpack.resolve import attestations
from support.airpack import Airpack
from support.index import Index
from support.index import serve as serve_index
from support.provenance import GITHUB, provenance
from support.sdists import build_sdist
from support.wheels import build_wheel

IDENTITY = {"kind": "GitHub", "repository": "team/one", "workflow": "release.yml"}
SHOWN = "GitHub (repository team/one, workflow release.yml)"


@pytest.fixture
def wheel(index: Index, wheels: Path) -> Path:
    """Return a wheel that the index serves with an attestation."""
    wheel = build_wheel(wheels, "one")
    index.provenance[wheel.name] = provenance(wheel)
    return wheel


def _identities(path: Path) -> list[Any]:
    return [package.get("attestation-identities") for package in tomli.loads(path.read_text())["packages"]]


@pytest.mark.slow
@pytest.mark.usefixtures("wheel")
@pytest.mark.parametrize("form", ["HTML", "JSON"])
def test_a_lock_has_the_publisher(airpack: Airpack, index: Index, tmp_path: Path, form: str) -> None:
    """From either form of an index's page; asked once, as the cache keeps it."""
    index.uploaded = {"": ""} if form == "JSON" else {}
    lock = tmp_path / "pylock.toml"
    for _ in range(2):
        assert airpack("lock", "one", "--index-url", index.url, "-o", lock) == 0, airpack.err
        assert _identities(lock) == [[IDENTITY]]
    assert index.requests.count("/integrity/one-1.0-py3-none-any.whl") == 1


@pytest.mark.slow
@pytest.mark.usefixtures("wheel")
def test_manifest_and_sbom_have_it(airpack: Airpack, index: Index, tmp_path: Path) -> None:
    """By whichever command the SBOM is written, and where a lock that was read has it."""
    served = ["--index-url", index.url, "--decoder", airpack.decoder, "-o", airpack.output]
    assert airpack("pack", "one", *served, "--sbom", "--require-attestations") == 0, airpack.err
    manifest = json.loads((airpack.output / "manifest.json").read_text())
    assert manifest["packages"][0]["publishers"] == [IDENTITY]
    written = (airpack.output / "sbom.cdx.json").read_text()
    assert json.loads(written)["components"][0]["properties"] == [
        {"name": "airpack:unverified_attestation_by", "value": SHOWN}
    ]
    assert airpack("sbom", airpack.output, "-o", tmp_path / "sbom.json") == 0
    assert (tmp_path / "sbom.json").read_text() == written
    assert airpack("verify", airpack.output, "--no-import") == 0, airpack.out
    again = ["--lock", airpack.output / "pylock.toml", "-o", tmp_path / "again"]
    assert airpack("pack", *again, "--no-import", "--decoder", airpack.decoder) == 0, airpack.err
    assert _identities(tmp_path / "again" / "pylock.toml") == [[IDENTITY]]


def test_what_a_lock_says_is_asked_again(
    airpack: Airpack, index: Index, wheels: Path, wheel: Path, tmp_path: Path
) -> None:
    """Where each file must be attested: a lock may say what no index does; and where none may be asked, it ends.

    A hash that is a source's, and not a wheel's, lets nothing be built.
    """
    build_wheel(wheels, "two")
    lock, other = tmp_path / "pylock.toml", tmp_path / "other.toml"
    served = ["--index-url", index.url]
    for name, path in (("one", lock), ("two", other)):
        assert airpack("lock", name, *served, "-o", path) == 0, airpack.err
    identity = 'attestation-identities = [{kind = "GitHub", repository = "team/one"}]'
    other.write_text(other.read_text().replace('name = "two"\n', f'name = "two"\n{identity}\n'))
    assert "team/one" in str(_identities(other))
    asked = ["--require-attestations", "-o", tmp_path / "found.toml"]
    assert airpack("lock", "-r", lock, *served, *asked) == 0, airpack.err
    assert _identities(tmp_path / "found.toml") == [[IDENTITY]]
    assert airpack("lock", "-r", other, *served, *asked) == 1
    assert airpack.error.startswith(
        "airpack: error: the index has no attestation (PEP 740) of two-1.0-py3-none-any.whl: "
    )
    sdist = build_sdist(wheels, "three")
    of_wheel, of_sdist = (hashlib.sha256(path.read_bytes()).hexdigest() for path in (wheel, sdist))
    text = lock.read_text().replace(of_wheel, of_sdist)
    other.write_text(text.replace('name = "one"', 'name = "three"'))
    assert airpack("lock", "-r", other, *served, *asked) == 1
    assert "building" not in airpack.err
    assert airpack("lock", "-r", lock, "--no-index", *asked) == 2
    assert airpack.error == (
        "airpack: error: --require-attestations asks the index for what a lock names, and --no-index forbids that"
    )


@pytest.mark.slow
@pytest.mark.usefixtures("wheel")
def test_the_absence_of_one_can_be_an_error(airpack: Airpack, index: Index, wheels: Path, tmp_path: Path) -> None:
    """It names the files, and nothing is written."""
    for name in ("two", "three"):
        build_wheel(wheels, name)
    words = ["lock", "one", "two", "three", "--index-url", index.url, "-o", tmp_path / "pylock.toml"]
    assert airpack(*words, "--require-attestations") == 1
    assert airpack.error == (
        "airpack: error: the index has no attestation (PEP 740) of three-1.0-py3-none-any.whl, "
        "two-1.0-py3-none-any.whl: require versions that have one, or leave out --require-attestations"
    )
    assert not (tmp_path / "pylock.toml").exists()
    assert airpack(*words) == 0
    assert _identities(tmp_path / "pylock.toml") == [[IDENTITY], None, None]


def test_a_lock_attests_no_file_of_this_machine(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """Whatever it says of who published it: no index has that."""
    build_wheel(wheels, "one")
    lock = tmp_path / "pylock.toml"
    assert airpack("lock", "one", "--no-index", "--find-links", wheels, "-o", lock) == 0, airpack.err
    before, name, after = lock.read_text().partition('name = "one"\n')
    lock.write_text(f'{before}{name}attestation-identities = [{{kind = "GitHub", repository = "team/one"}}]\n{after}')
    assert "team/one" in str(_identities(lock))
    words = ["--lock", lock, "--no-import", "--no-bytecode", "--decoder", airpack.decoder, "-o", airpack.output]
    assert airpack("pack", *words, "--require-attestations") == 1
    assert airpack.error == (
        "airpack: error: the index has no attestation (PEP 740) of one-1.0-py3-none-any.whl: require versions that "
        "have one, or leave out --require-attestations"
    )
    assert airpack("pack", *words) == 0, airpack.err
    assert _identities(airpack.output / "pylock.toml") == [None]


@pytest.mark.slow
def test_another_publisher_is_a_warning(
    airpack: Airpack, index: Index, wheels: Path, wheel: Path, tmp_path: Path
) -> None:
    """Than in the lock that is replaced; so is none, where there was one."""
    lock = tmp_path / "pylock.toml"
    words = ["lock", "one", "--index-url", index.url, "-o", lock, "-U"]
    assert airpack(*words) == 0
    assert "warning" not in airpack.err
    newer = build_wheel(wheels, "one", "2.0")
    index.provenance[newer.name] = provenance(newer, {"repository": "else/one"})
    assert airpack(*words, "-U") == 0
    assert (
        "warning: one 2.0 is attested by GitHub (repository else/one, workflow release.yml); one 1.0 was by "
        f"{SHOWN}, says {lock}: find out why before it is deployed"
    ) in airpack.err.splitlines()
    build_wheel(wheels, "one", "3.0")
    assert airpack(*words, "-U") == 0
    assert "warning: one 3.0 has no attestation; one 2.0 was by GitHub (repository else/one" in airpack.err
    assert airpack(*words, "-U") == 0
    assert "warning" not in airpack.err
    assert wheel.exists()


@pytest.mark.slow
def test_only_the_index_is_asked(airpack: Airpack, index: Index, wheels: Path, wheel: Path, tmp_path: Path) -> None:
    """A page may name another server, which would learn what is packed; there, nothing is recorded."""
    with serve_index(wheels) as other:
        other.provenance = index.provenance
        index.integrity = other.url.removesuffix("/simple")
        assert airpack("lock", "one", "--index-url", index.url, "-o", tmp_path / "pylock.toml") == 0
        assert (other.requests, _identities(tmp_path / "pylock.toml")) == ([], [None])
    assert wheel.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("forge", "problem"),
    [
        (lambda wheel: provenance(wheel, name="two-1.0-py3-none-any.whl"), "an attestation is of another file"),
        (lambda wheel: provenance(wheel, sha256="0" * 64), "an attestation is of another file"),
        (lambda wheel: {**provenance(wheel), "version": 2}, "it is no provenance object of version 1"),
        (lambda wheel: provenance(wheel, {"kind": 1}), "a publisher without a kind"),
        (lambda wheel: provenance(wheel, {"repository": "a\x1b[2J"}), "a publisher with a control character"),
        (lambda _: {"version": 1, "attestation_bundles": [{"publisher": GITHUB}]}, "GitHub attests nothing"),
    ],
)
def test_what_attests_something_else_counts_as_none(
    airpack: Airpack, index: Index, wheel: Path, tmp_path: Path, forge: Callable[[Path], object], problem: str
) -> None:
    """It is told, and with the option it is an error."""
    index.provenance[wheel.name] = forge(wheel)
    words = ["lock", "one", "--index-url", index.url, "-o", tmp_path / "pylock.toml"]
    assert airpack(*words) == 0
    assert f"warning: the attestation of {wheel.name} is not taken: {problem}" in airpack.err.splitlines()
    assert _identities(tmp_path / "pylock.toml") == [None]
    assert airpack(*words, "--require-attestations") == 1


@pytest.mark.slow
def test_an_index_that_fails_to_give_it_is_told(airpack: Airpack, index: Index, wheel: Path, tmp_path: Path) -> None:
    """The packages are there all the same."""
    index.provenance[wheel.name] = {"version": 1, "more": "x" * (5 << 20)}
    assert airpack("lock", "one", "--index-url", index.url, "-o", tmp_path / "pylock.toml") == 0
    assert "warning: the index's attestations can't be had, and none is recorded: " in airpack.err


@pytest.mark.slow
def test_what_is_built_has_its_sources_publisher(airpack: Airpack, index: Index, wheels: Path, tmp_path: Path) -> None:
    """The wheel is nobody's but this machine's."""
    sdist = build_sdist(wheels, "one")
    index.provenance[sdist.name] = provenance(sdist)
    assert airpack("lock", "one", "--index-url", index.url, "-o", tmp_path / "pylock.toml") == 0, airpack.err
    assert _identities(tmp_path / "pylock.toml") == [[IDENTITY]]


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"[" * 100_000, b'{"version": 1, "attestation_bundles": [1]}'])
def test_what_is_no_provenance_is_one_error(data: bytes) -> None:
    """Whatever it is."""
    with pytest.raises(ValueError, match=r"."):
        attestations.read(data, "a", "b")


@pytest.mark.parametrize(
    ("filename", "signed"),
    [
        ("My.One-1.0-py2.py3-none-any.whl", "my_one-1.0-py3.py2-none-any.whl"),
        ("my-one-1.0.tar.gz", "my_one-1.0.tar.gz"),
    ],
)
def test_a_name_may_be_spelled_otherwise(tmp_path: Path, filename: str, signed: str) -> None:
    """As PyPI's own verifier has it; the hash is the file's, and another version is another file."""
    file = tmp_path / filename
    file.write_bytes(b"x")
    sha256 = hashlib.sha256(b"x").hexdigest()
    told = json.dumps(provenance(file, name=signed)).encode()
    assert [str(each) for each in attestations.read(told, filename, sha256)] == [SHOWN]
    with pytest.raises(ValueError, match="an attestation is of another file"):
        attestations.read(told, filename.replace("1.0", "1.1"), sha256)


def test_what_pypi_serves_is_read(tmp_path: Path) -> None:
    """Other kinds of publishers, facts that are null, statements in lines, several attestations of a publisher."""
    file = tmp_path / "one-1.0.tar.gz"
    file.write_bytes(b"x")
    gitlab = {"kind": "GitLab", "repository": "team/one", "workflow_filepath": ".gitlab-ci.yml", "environment": None}
    several = provenance(file)
    (bundle,) = several["attestation_bundles"]
    envelope = bundle["attestations"][0]["envelope"]
    envelope["statement"] = "\n".join(textwrap.wrap(envelope["statement"], 76)) + "\n"
    bundle["attestations"] *= 2
    others = [{**bundle, "publisher": each} for each in (gitlab, {"kind": "Google", "email": "ci@example.com"})]
    several["attestation_bundles"] += [*others, bundle]
    found = attestations.read(json.dumps(several).encode(), file.name, hashlib.sha256(b"x").hexdigest())
    assert [str(each) for each in found] == [
        SHOWN,
        "GitLab (repository team/one, workflow_filepath .gitlab-ci.yml)",
        "Google (email ci@example.com)",
    ]
    bundle["publisher"]["repository"] = "x" * 1001
    with pytest.raises(ValueError, match="a publisher with a text of more than 1,000 characters"):
        attestations.read(json.dumps(several).encode(), file.name, hashlib.sha256(b"x").hexdigest())
