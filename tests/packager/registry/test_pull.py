"""`airpack pull`: the bytes that were pushed, put where the user wants them, or nothing."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from airpack.base.console import Silent
from airpack.base.errors import AirpackError, RegistryError
from airpack.base.interrupts import threads
from airpack.oci import image, restore
from airpack.oci.layout import Descriptor, Layout
from airpack.registry import blobs, manifests
from airpack.registry.pull import pull, pull_layout
from airpack.registry.push import push
from airpack.registry.reference import Endpoint, Reference
from airpack.registry.retries import Patience
from airpack.results.folder import Results
from airpack_runtime import layout
from support import cutting, layouts, unreliable
from support.airpack import Airpack
from support.registry import Registry
from support.unreliable import Unreliable

NAME = layout.BUNDLE_NAME
SIGNATURE = f"{NAME}{layout.SIGNATURE_SUFFIX}"


def test_a_pull_gives_what_was_pushed(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable, tmp_path: Path
) -> None:
    """By the tag and by the digest: each blob and manifest, and what refers to the image."""
    pushed = push(oci_layout, endpoint, progress=Silent())
    assert str(pushed.reference) == f"{registry.address}/models/churn@{oci_layout.index[0].digest}"
    assert (pushed.blobs_sent, pushed.blobs_skipped, pushed.skipped) == (6, 0, 0)
    assert unreliable.pull_all(endpoint, tmp_path / "one") == layouts.read_all(oci_layout)
    by_digest = Endpoint(reference=pushed.reference, env={})
    assert unreliable.pull_all(by_digest, tmp_path / "two") == layouts.read_all(oci_layout)


@pytest.mark.parametrize("referrers", [True, False], ids=["the registry's list", "a tag"])
def test_what_refers_to_an_image_is_pulled_with_it(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable, tmp_path: Path, referrers: bool
) -> None:
    """By the registry's own list, or by that under the tag."""
    registry.referrers = referrers
    push(oci_layout, endpoint, progress=Silent())
    assert unreliable.pull_all(endpoint, tmp_path / "got") == layouts.read_all(oci_layout)


def test_no_more_manifests_are_fetched_than_anybody_pushes(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry could list as many as four megabytes hold, of four megabytes each. One listed twice counts once."""
    push(oci_layout, endpoint, progress=Silent())
    listed = oci_layout.index
    monkeypatch.setattr(manifests, "referrers", lambda *_: [*listed[1:]] * 2000)
    unreliable.pull_all(endpoint, tmp_path / "got")
    many = [replace(listed[1], digest=f"sha256:{number:064}") for number in range(1001)]
    monkeypatch.setattr(manifests, "referrers", lambda *_: many)
    before = len(registry.requests)
    with pytest.raises(RegistryError, match=r"lists 1,001 manifests for one image: more than 1000 are not fetched$"):
        unreliable.pull_all(endpoint, tmp_path / "other")
    assert len(registry.requests) - before < 10


def test_of_several_platforms_one_is_pulled(endpoint: Endpoint, registry: Unreliable, tmp_path: Path) -> None:
    """The one that is asked for, with its manifest under its own digest; the other's layer isn't fetched."""
    oci_layout = layouts.several(tmp_path / "several", ["amd64", "arm64"])
    pushed = push(oci_layout, endpoint, progress=Silent())
    assert (pushed.reference.digest, pushed.blobs_sent) == (oci_layout.index[0].digest, 5)
    registry.requests.clear()
    choose = functools.partial(restore.choose, wanted="linux/arm64")
    pulled = pull_layout(endpoint, tmp_path / "got", choose=choose, kinds=[], progress=Silent())
    image = oci_layout.manifests(oci_layout.index[0])[1]
    assert pulled.image == image
    assert layouts.read_all(pulled.oci_layout) == {
        blob.digest: oci_layout.read(blob) for blob in (*_under(oci_layout, image), image)
    }
    fetched = [
        request.rpartition("/")[2]
        for request in registry.requests
        if request.startswith("GET ") and "/blobs/" in request
    ]
    assert sorted(fetched) == sorted(blob.digest for blob in _under(oci_layout, image))


def _under(oci_layout: Layout, image: Descriptor) -> list[Descriptor]:
    manifest = oci_layout.manifest(image)
    return [manifest.config, *manifest.layers]


def test_an_image_that_is_not_there(endpoint: Endpoint, registry: Unreliable, tmp_path: Path) -> None:
    """The line names it."""
    with pytest.raises(RegistryError) as caught:
        unreliable.pull_all(endpoint, tmp_path / "got")
    problem = "the registry has no such image: check its name and its tag"
    assert str(caught.value) == f"{registry.address}/models/churn:1: {problem}"


def test_pull_gives_the_bytes_that_were_pushed(
    airpack: Airpack, signed: Path, debian: Registry, tmp_path: Path
) -> None:
    """With the signature; the output names the image by its digest, by which it can be pulled as well."""
    assert airpack("push", signed, f"{debian.address}/models/churn:1.4") == 0, airpack.err
    pushed, tag, sent = airpack.out.splitlines()
    reference = pushed.removeprefix("pushed    ")
    assert reference.startswith(f"{debian.address}/models/churn@sha256:")
    assert tag == "tag       1.4"
    assert sent == f"sent      5 blobs, {debian.sent()}"
    assert airpack("pull", reference, "-o", tmp_path / "got") == 0, airpack.err
    lines = airpack.out.splitlines()
    assert lines == [
        f"pulled    {reference}",
        f"bundle    {tmp_path}/got/{NAME}, {(signed / NAME).stat().st_size / 1e6:.1f} MB",
        f"digest    {layouts.digest_of(signed)}",
        f"beside    {SIGNATURE}",
    ]
    assert layouts.files(tmp_path / "got") == layouts.files(signed)


def test_the_bundle_gets_the_name_that_is_asked_for(
    airpack: Airpack, signed: Path, debian: Registry, tmp_path: Path
) -> None:
    """Its signature the same one, with a suffix, as the shim looks for it."""
    assert airpack("push", "-q", signed, f"{debian.address}/models/churn") == 0, airpack.err
    assert airpack("pull", "-q", f"{debian.address}/models/churn", "-o", tmp_path / "a" / "churn.tar.zst") == 0
    names = {NAME: "churn.tar.zst", SIGNATURE: "churn.tar.zst.sig"}
    assert layouts.files(tmp_path / "a") == {names[name]: content for name, content in layouts.files(signed).items()}


def test_an_earlier_bundle_is_replaced_and_nothing_else(
    airpack: Airpack, signed: Path, debian: Registry, tmp_path: Path
) -> None:
    """With its signature, which isn't of the new one; what is no bundle stays, and what a pack wrote."""
    assert airpack("push", "-q", signed / NAME, f"{debian.address}/signed") == 0, airpack.err
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / NAME).write_bytes((signed / NAME).read_bytes())
    assert airpack("push", "-q", plain, f"{debian.address}/unsigned") == 0, airpack.err
    got = tmp_path / "got"
    assert airpack("pull", "-q", f"{debian.address}/signed", "-o", got) == 0, airpack.err
    assert sorted(layouts.files(got)) == [NAME, SIGNATURE]
    assert airpack("pull", "-q", f"{debian.address}/unsigned", "-o", got) == 0, airpack.err
    assert sorted(layouts.files(got)) == [NAME]
    (got / NAME).write_text("mine")
    assert airpack("pull", f"{debian.address}/signed", "-o", got) == 1
    advice = "is not a bundle: move it away, or give --output another name"
    assert airpack.error == f"airpack: error: {got}/{NAME} {advice}"
    assert layouts.files(got) == {NAME: b"mine"}
    (plain / "manifest.json").write_text("{}")
    assert airpack("pull", f"{debian.address}/signed", "-o", plain) == 1
    assert airpack.error == f"airpack: error: {plain} holds the results of a pack: give --output a folder of its own"


def test_a_new_signature_is_the_one_that_is_pulled(
    airpack: Airpack, signed: Path, debian: Registry, tmp_path: Path
) -> None:
    """The image is the same, and has both; nothing of it moves for a new key."""
    copy = Path(shutil.copytree(signed, tmp_path / "copy"))
    name = f"{debian.address}/models/churn"
    assert airpack("push", copy, name) == 0, airpack.err
    before = airpack.out.splitlines()[0]
    assert airpack("keygen", "-q", "-o", tmp_path / "new") == 0
    for key in (tmp_path / "new.key", signed.parent / "team.key", tmp_path / "new.key"):
        assert airpack("sign", "-q", copy / NAME, "--key", key) == 0, airpack.err
        assert airpack("push", copy, name) == 0, airpack.err
        assert airpack.out.splitlines()[0] == before
        assert airpack("pull", "-q", name, "-o", tmp_path / "got") == 0, airpack.err
        assert airpack("verify", "-q", tmp_path / "got", "--key", key.with_suffix(".pub"), "--no-import") == 0


def test_another_platform_is_not_taken_for_this_one(
    airpack: Airpack, signed: Path, debian: Registry, tmp_path: Path
) -> None:
    """The line says what there is."""
    assert airpack("push", "-q", signed, f"{debian.address}/models/churn") == 0, airpack.err
    assert airpack("pull", f"{debian.address}/models/churn", "-o", tmp_path, "--platform", "linux/arm64") == 2
    problem = "does not have exactly one image for linux/arm64, but has linux/amd64: name one with --platform"
    assert airpack.error == f"airpack: error: {debian.address}/models/churn {problem}"


def test_what_is_pulled_can_be_read_by_others(airpack: Airpack, signed: Path, debian: Registry, tmp_path: Path) -> None:
    """Its mode follows the umask, as that of any file."""
    assert airpack("push", "-q", signed, f"{debian.address}/models/churn") == 0, airpack.err
    assert airpack("pull", "-q", f"{debian.address}/models/churn", "-o", tmp_path / "got") == 0, airpack.err
    assert stat.S_IMODE((tmp_path / "got" / NAME).stat().st_mode) == 0o644


def test_ctrl_c_leaves_nothing_by_halves(airpack: Airpack, signed: Path, tmp_path: Path) -> None:
    """An interrupted pull writes nothing; a push that is repeated sends what is missing."""

    def interrupt(blob: bytes) -> bytes:
        if len(blob) > 100_000:
            os.kill(os.getpid(), signal.SIGINT)
        return blob

    with unreliable.serve() as registry:
        name = f"{registry.address}/models/churn"
        registry.on_upload = lambda size: interrupt(bytes(size))
        assert airpack("push", signed, name) == 130
        assert airpack.error == "airpack: error: interrupted; nothing was changed"
        assert registry.manifests == {}
        registry.on_upload = None
        assert airpack("push", signed, name) == 0, airpack.err
        registry.spoil = interrupt
        assert airpack("pull", name, "-o", tmp_path / "got") == 130
        assert not (tmp_path / "got").exists()
        registry.spoil = None
        assert airpack("pull", name, "-o", tmp_path / "got") == 0, airpack.err
    assert layouts.files(tmp_path / "got") == layouts.files(signed)


@pytest.mark.slow
def test_a_bad_line_to_the_registry(signed: Path, debian: Registry, tmp_path: Path) -> None:
    """Cut after up to 1.2 MB, here, there and in between, it only takes longer; the real one resumes no upload."""
    with threads(2) as executor:
        image.write([Results.at(signed)], tmp_path / "layout", image.Options(), executor=executor, progress=Silent())
    patience = Patience(tries=40, sleep=lambda *_: None)
    cuts = 0
    for seed in range(8):
        with cutting.to(debian.address, most=1_200_000, seed=seed) as line:
            reference = Reference.parse(f"{line.address}/models/churn{seed}:1")
            endpoint = Endpoint(reference=reference, env={}, patience=patience, at_once=2)
            push(Layout(tmp_path / "layout"), endpoint, progress=Silent())
            pull(endpoint, tmp_path / f"{seed}", progress=Silent())
            cuts += line.cuts
        assert layouts.files(tmp_path / f"{seed}") == layouts.files(signed)
    assert cuts > 8


def _faults(seed: int) -> dict[str, object]:
    """Return what goes wrong in a run: a hundred seeds combine the faults in many ways."""
    settings: dict[str, object] = {"seed": seed, "drops": 0.1, "busy": 0.03, "broken": 0.03}
    settings |= {"loses": seed % 2 == 0, "referrers": seed % 3 == 0, "claims": (0, 0, 3)[seed % 3]}
    settings["ranges"] = ("right", "ignored", "wrong", "elsewhere")[seed % 4]
    if seed % 5 == 0:
        settings |= {"password": unreliable.PASSWORD, "lasts": 5}
    if seed % 7 == 0:
        settings["drops"] = 0.3
    return settings


@pytest.mark.slow
def test_a_hundred_runs_against_a_registry_that_does_everything_wrong(
    tmp_path: Path, signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each push and pull of a signed bundle completes, or ends in one line; nothing is ever there by halves."""
    monkeypatch.setattr(blobs, "CHUNK", 64_000)
    with threads(1) as executor:
        options = image.Options(split=True)
        image.write([Results.at(signed)], tmp_path / "split", options, executor=executor, progress=Silent())
    split = Layout(tmp_path / "split")
    messages, expected = [], {path.name: path.read_bytes() for path in signed.iterdir()}
    for seed in range(100):
        with unreliable.serve(**_faults(seed)) as registry:
            endpoint = unreliable.endpoint_of(registry, tmp_path, [])
            if seed % 11 == 0:
                registry.spoil = lambda blob: blob[:-1] + b"?"
            place = tmp_path / "places" / f"{seed}"
            try:
                push(split, endpoint, progress=Silent())
                pull(endpoint, place, progress=Silent())
                assert {path.name: path.read_bytes() for path in place.iterdir()} == expected
            except AirpackError as error:
                messages.append(str(error))
                assert not place.exists()
            assert registry.lacks() == []
    assert 10 <= len(messages) <= 30, messages
    for line in messages:
        assert line.startswith("127.0.0.1:")
        assert "\n" not in line
        assert len(line) < 200
        assert unreliable.PASSWORD not in line
