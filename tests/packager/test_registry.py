"""Pushing and pulling layouts: what moves, what is resumed, what is refused; and a registry that misbehaves."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from airpack.errors import AirpackError, RegistryError
from airpack.oci import image, placement, reassembly, upload
from airpack.oci.access import Access
from airpack.oci.layout import Descriptor, Layout
from airpack.oci.pull import pull
from airpack.oci.push import Pushed, push
from airpack.oci.reference import Reference
from airpack.oci.retries import Patience
from airpack.progress import Silent
from airpack.workers import threads
from support import layouts, unreliable
from support.unreliable import Unreliable

SIZE = 370_001 + 37 + 2 + 7  # of all blobs of `layouts.small`: layers, configuration, empty one, note


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Return a layout of three layers, with a note that refers to the image."""
    return layouts.small(tmp_path / "layout")


@pytest.fixture
def registry() -> Iterator[Unreliable]:
    """Run a registry that does nothing wrong yet."""
    with unreliable.serve() as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    """Return how long was waited, in seconds; nothing is."""
    return []


@pytest.fixture
def access(registry: Unreliable, waits: list[float], tmp_path: Path) -> Access:
    """Return the way to `models/churn:1` of the registry, for one who has the right password."""
    return _access(registry, tmp_path, waits)


def _access(registry: Unreliable, folder: Path, waits: list[float], *, name: str = "models/churn:1") -> Access:
    secret = base64.b64encode(f"{unreliable.USER}:{unreliable.PASSWORD}".encode()).decode()
    (folder / "auth.json").write_text(json.dumps({"auths": {registry.address: {"auth": secret}}}))
    return Access(
        reference=Reference.parse(f"{registry.address}/{name}"),
        env={"REGISTRY_AUTH_FILE": str(folder / "auth.json")},
        patience=Patience(sleep=lambda _, seconds: waits.append(seconds), chance=lambda: 1.0),
        at_once=1,  # so that a seed always means the same
    )


def _push(layout: Layout, access: Access, *mount_from: str) -> Pushed:
    return push(layout, access, mount_from=mount_from, progress=Silent())


def _pull(access: Access, folder: Path) -> dict[str, bytes]:
    """Return what a pull writes, by digest."""
    got, _ = pull(access, folder, choose=lambda each: each.index[0], kinds=[layouts.NOTE], progress=Silent())
    return _blobs(got)


def _blobs(layout: Layout) -> dict[str, bytes]:
    return {each.digest: b"".join(layout.chunks(each)) for each in layout.blobs()}


def test_a_pull_gives_what_was_pushed(layout: Layout, access: Access, registry: Unreliable, tmp_path: Path) -> None:
    """By the tag and by the digest: each blob and manifest, and what refers to the image."""
    pushed = _push(layout, access)
    assert str(pushed.reference) == f"{registry.address}/models/churn@{layout.index[0].digest}"
    assert (pushed.blobs_sent, pushed.blobs_skipped, pushed.skipped) == (6, 0, 0)
    assert _pull(access, tmp_path / "one") == _blobs(layout)
    by_digest = Access(reference=pushed.reference, env={})
    assert _pull(by_digest, tmp_path / "two") == _blobs(layout)


def test_what_is_there_is_not_sent_again(layout: Layout, access: Access, registry: Unreliable) -> None:
    """Neither under another tag; manifests are."""
    _push(layout, access)
    received = registry.received
    again = _push(layout, access)
    assert (again.blobs_sent, again.blobs_skipped, again.skipped) == (0, 6, SIZE)
    assert again.sent == registry.received - received < 2000


def test_blobs_are_taken_from_a_repository_beside(
    layout: Layout, access: Access, registry: Unreliable, tmp_path: Path, waits: list[float]
) -> None:
    """Named by the user; one that lacks them, or may not be read, is no obstacle."""
    _push(layout, access)
    other = _access(registry, tmp_path, waits, name="models/spam:1")
    pushed = _push(layout, other, "models/none", "models/churn")
    assert (pushed.blobs_sent, pushed.blobs_skipped) == (0, 6)
    assert registry.lacks() == []


def test_an_upload_goes_on_where_it_was_cut(layout: Layout, access: Access, registry: Unreliable) -> None:
    """The registry is asked how far it came, and no byte is sent twice that has arrived."""
    registry.hang_ups = [123_456, 0, 100_000]
    _push(layout, access)
    assert registry.lacks() == []
    arrived = [each for each in registry.requests if each.startswith("GET ") and "/uploads/" in each]
    assert len(arrived) == 3
    stored = sum(len(content) for content in registry.blobs.values())
    manifests = sum(size for size in (len(text) for _, text in registry.manifests.values()))
    assert stored == SIZE
    assert registry.received <= stored + manifests


def test_a_large_blob_goes_up_in_chunks(
    layout: Layout, access: Access, registry: Unreliable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is acknowledged; one that is cut is completed."""
    monkeypatch.setattr(upload, "CHUNK", 100_000)
    registry.hang_ups = [60_000, 50_000]
    _push(layout, access)
    assert registry.lacks() == []
    assert len([each for each in registry.requests if each.startswith("PATCH ")]) == 3


@pytest.mark.parametrize("settings", [{"loses": True}, {"claims": 7}, {"claims": 1_000_000}, {"claims": -5}])
def test_an_upload_that_is_lost_begins_anew(
    layout: Layout, access: Access, registry: Unreliable, settings: dict[str, int]
) -> None:
    """Or of which the registry says more, or less, than is true."""
    registry.hang_ups = [200_000]
    for name, value in settings.items():
        setattr(registry, name, value)
    _push(layout, access)
    assert registry.lacks() == []


def test_a_pull_goes_on_where_it_was_cut(layout: Layout, access: Access, registry: Unreliable, tmp_path: Path) -> None:
    """By a Range; here each answer ends after 100,000 bytes."""
    _push(layout, access)
    registry.cut = 100_000
    registry.requests.clear()
    assert _pull(access, tmp_path / "got") == _blobs(layout)
    largest = max(layout.blobs(), key=lambda each: each.size).digest
    assert registry.requests.count(f"GET /v2/models/churn/blobs/{largest}") == 3


@pytest.mark.parametrize("ranges", ["ignored", "wrong", "elsewhere"])
def test_a_range_that_is_not_what_was_asked_for_does_no_harm(
    layout: Layout, access: Access, registry: Unreliable, tmp_path: Path, ranges: str
) -> None:
    """All of the blob again, other bytes, another place: it is fetched from its start."""
    _push(layout, access)
    registry.ranges = ranges
    registry.cut_once = 100_000
    assert _pull(access, tmp_path / "got") == _blobs(layout)


def test_a_wrong_blob_is_refused(layout: Layout, access: Access, registry: Unreliable, tmp_path: Path) -> None:
    """After a second look; the line names it."""
    _push(layout, access)
    registry.spoil = lambda blob: bytes([blob[0] ^ 1]) + blob[1:]
    with pytest.raises(RegistryError) as caught:
        _pull(access, tmp_path / "got")
    first = layout.manifest(layout.index[0]).config.digest
    problem = f"the registry sends something else than {first}: it must be pushed again"
    assert str(caught.value) == f"{registry.address}/models/churn: {problem}"


@pytest.mark.parametrize("spoil", [lambda blob: blob[:-1], lambda blob: blob + b"more"], ids=["short", "long"])
def test_a_blob_of_another_size_is_refused(
    layout: Layout, access: Access, registry: Unreliable, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    """Though the connection ended as it should."""
    _push(layout, access)
    registry.spoil = spoil
    with pytest.raises(RegistryError, match="the registry sends "):
        _pull(access, tmp_path / "got")


def test_the_registry_says_how_long_to_wait(
    layout: Layout, access: Access, registry: Unreliable, waits: list[float]
) -> None:
    """`Retry-After` is longer than the wait of one's own, and is kept, and told; after seven times, it is over."""
    registry.busy = 1
    registry.retry_after = "9"
    notes: list[str] = []
    with pytest.raises(RegistryError) as caught:
        _push(layout, replace(access, patience=replace(access.patience, note=notes.append)))
    assert waits == [9, 9, 9, 9, 9, 16]
    assert notes[0] == f"{registry.address}/models/churn: the registry answers 429; again in 9 s"
    assert len(notes) == 6
    assert str(caught.value) == f"{registry.address}/models/churn: the registry answers 429, 7 times: try again later"


def test_nobody_waits_for_an_hour(layout: Layout, access: Access, registry: Unreliable, waits: list[float]) -> None:
    """The user is told instead."""
    registry.busy = 1
    registry.retry_after = "3600"
    with pytest.raises(RegistryError) as caught:
        _push(layout, access)
    assert waits == []
    assert str(caught.value).endswith("the registry answers 429, and asks to wait 3600 s: try again then")


def test_a_token_is_fetched_and_renewed(layout: Layout, access: Access, registry: Unreliable, tmp_path: Path) -> None:
    """From the server that the registry names, with the password of podman's file; it runs out after three requests."""
    registry.password = unreliable.PASSWORD
    registry.lasts = 3
    _push(layout, access)
    assert _pull(access, tmp_path / "got") == _blobs(layout)
    assert len(registry.tokens) > 5


def test_a_wrong_password_is_told_and_not_shown(layout: Layout, access: Access, registry: Unreliable) -> None:
    """The line names the file that it is in, and what to do."""
    registry.password = "another"  # noqa: S105 - of this test
    with pytest.raises(RegistryError) as caught:
        _push(layout, access)
    source = access.env["REGISTRY_AUTH_FILE"]
    problem = f"it refuses the credentials of {source}: podman login {registry.address}"
    assert str(caught.value) == f"{registry.address}/models/churn: {problem}"


def test_without_credentials_the_line_says_how_to_log_in(layout: Layout, registry: Unreliable) -> None:
    """Where the registry asks for some."""
    registry.password = unreliable.PASSWORD
    access = Access(reference=Reference.parse(f"{registry.address}/models/churn"), env={"HOME": "/nonexistent"})
    with pytest.raises(RegistryError) as caught:
        _push(layout, access)
    problem = f"it asks who you are: podman login {registry.address}, or docker login"
    assert str(caught.value) == f"{registry.address}/models/churn: {problem}"


def test_where_the_registry_keeps_no_list_a_tag_does(layout: Layout, access: Access, registry: Unreliable) -> None:
    """As the specification's "Referrers Tag Schema" says; what is pushed again is listed once."""
    registry.referrers = False
    for _ in range(2):
        _push(layout, access)
    tag = layout.index[0].digest.replace(":", "-")
    listed = json.loads(registry.manifests["models/churn", tag][1])["manifests"]
    assert [(each["digest"], each["artifactType"]) for each in listed] == [(layout.index[1].digest, layouts.NOTE)]


@pytest.mark.parametrize("referrers", [True, False], ids=["the registry's list", "a tag"])
def test_what_refers_to_an_image_is_pulled_with_it(
    layout: Layout, access: Access, registry: Unreliable, tmp_path: Path, referrers: bool
) -> None:
    """By the registry's own list, or by that under the tag."""
    registry.referrers = referrers
    _push(layout, access)
    assert _pull(access, tmp_path / "got") == _blobs(layout)


def test_of_several_platforms_one_is_pulled(access: Access, registry: Unreliable, tmp_path: Path) -> None:
    """The one that is asked for, with its manifest under its own digest; the other's layer isn't fetched."""
    layout = layouts.several(tmp_path / "several", ["amd64", "arm64"])
    pushed = _push(layout, access)
    assert (pushed.reference.digest, pushed.blobs_sent) == (layout.index[0].digest, 5)
    registry.requests.clear()
    choose = functools.partial(reassembly.choose, wanted="linux/arm64")
    got, image = pull(access, tmp_path / "got", choose=choose, kinds=[], progress=Silent())
    assert image == layout.manifests(layout.index[0])[1]
    assert _blobs(got) == {each.digest: layout.read(each) for each in (*_under(layout, image), image)}
    fetched = [each.rpartition("/")[2] for each in registry.requests if each.startswith("GET ") and "/blobs/" in each]
    assert sorted(fetched) == sorted(each.digest for each in _under(layout, image))


def _under(layout: Layout, image: Descriptor) -> list[Descriptor]:
    manifest = layout.manifest(image)
    return [manifest.config, *manifest.layers]


def test_a_proxy_is_asked_where_the_environment_names_one(
    layout: Layout, registry: Unreliable, tmp_path: Path, waits: list[float]
) -> None:
    """By the name of the registry, which this machine needn't know; NO_PROXY excepts it, and loopback needs none."""
    plain = _access(registry, tmp_path, waits)
    env = {"HTTP_PROXY": f"http://{registry.address}"}
    access = replace(plain, reference=Reference.parse("registry.invalid/models/churn"), env=env, plain_http=True)
    _push(layout, access)
    assert _pull(access, tmp_path / "got") == _blobs(layout)
    assert all(each.split()[1].startswith("http://registry.invalid/v2/") for each in registry.requests)
    with pytest.raises(RegistryError) as caught:
        _push(layout, replace(access, env={**env, "NO_PROXY": "registry.invalid"}))
    problem = "no host registry.invalid is known here: check the registry's name"
    assert str(caught.value) == f"registry.invalid/models/churn: {problem}"
    _push(layout, replace(plain, env={**plain.env, "HTTP_PROXY": "http://127.0.0.1:1"}))


def test_a_blob_that_was_too_long_once_leaves_nothing_behind(
    layout: Layout, access: Access, registry: Unreliable, tmp_path: Path
) -> None:
    """What comes the second time is the whole file."""
    _push(layout, access)
    seen: set[bytes] = set()

    def longer_once(blob: bytes) -> bytes:
        more = b"" if blob in seen else bytes(20_000)
        seen.add(blob)
        return blob + more

    registry.spoil = longer_once
    assert _pull(access, tmp_path / "got") == _blobs(layout)


def test_an_image_that_is_not_there(access: Access, registry: Unreliable, tmp_path: Path) -> None:
    """The line names it."""
    with pytest.raises(RegistryError) as caught:
        _pull(access, tmp_path / "got")
    problem = "the registry has no such image: check its name and its tag"
    assert str(caught.value) == f"{registry.address}/models/churn:1: {problem}"


def test_nobody_listens(layout: Layout, tmp_path: Path, waits: list[float]) -> None:
    """It is tried for half a minute."""
    with unreliable.serve() as gone:
        access = _access(gone, tmp_path, waits)
    with pytest.raises(RegistryError) as caught:
        _push(layout, access)
    assert str(caught.value).endswith("/models/churn: the registry refuses connections, 7 times: try again later")
    assert waits == [0.5, 1, 2, 4, 8, 16]


def _faults(seed: int) -> dict[str, object]:
    """Return what goes wrong in a run: of each kind, in all combinations that a hundred seeds give."""
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
    monkeypatch.setattr(upload, "CHUNK", 64_000)
    with threads(1) as executor:
        options = image.Options(split=True)
        image.write([signed], tmp_path / "split", options, executor=executor, progress=Silent())
    split = Layout(tmp_path / "split")
    told, expected = [], {path.name: path.read_bytes() for path in signed.iterdir()}
    for seed in range(100):
        with unreliable.serve(**_faults(seed)) as registry:
            access = _access(registry, tmp_path, [])
            if seed % 11 == 0:
                registry.spoil = lambda blob: blob[:-1] + b"?"
            place = tmp_path / "places" / f"{seed}"
            try:
                _push(split, access)
                placement.place(access, place, progress=Silent())
                assert {path.name: path.read_bytes() for path in place.iterdir()} == expected
            except AirpackError as error:
                told.append(str(error))
                assert not place.exists()
            assert registry.lacks() == []
    assert 10 <= len(told) <= 30, told
    for line in told:
        assert line.startswith("127.0.0.1:")
        assert "\n" not in line
        assert len(line) < 200
        assert unreliable.PASSWORD not in line
