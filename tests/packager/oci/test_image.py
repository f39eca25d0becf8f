"""`airpack oci`: what is laid out is valid, the same each time, and gives the very bundle back."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import pyzstd
from airpack.base.errors import InvalidLayout, UsageError
from airpack.bundle.tar import TarWriter
from airpack.cli.app import main
from airpack.oci import image, restore, split
from airpack.oci.extents import EXTENTS, REST, SIZE
from airpack.oci.layout import BLOBS, INDEX, INDEX_TYPE, MANIFEST_TYPE, Descriptor, Layout, Manifest
from airpack.results import keys
from airpack.results.folder import Results
from airpack_runtime import layout
from airpack_runtime.provide import signed_tree
from jsonschema import Draft4Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4
from support import machine
from support.airpack import Airpack
from support.wheels import build_wheel

SHARED = bytes(range(256)) * 1024  # large enough to be kept once
FORMS = pytest.mark.parametrize("form", [[], ["--split"]], ids=["whole", "split"])


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, decoder_wheel: Path) -> Path:
    """Return the results of packing three wheels that have folders, a large file and small ones in common."""
    folder = tmp_path_factory.mktemp("made")
    wheels, same = folder / "wheels", {"alike/one.txt": "alike", "alike/two.txt": "alike"}
    build_wheel(wheels, "alpha", files={"alpha.py": "", "space/alpha.py": "A = 1\n", "lib/shared.bin": SHARED})
    build_wheel(wheels, "beta", files={"beta.py": "", "space/beta.py": "B = 1\n", "blib/shared.bin": SHARED, **same})
    build_wheel(wheels, "gamma", files={"gamma.py": "G = 1\n"}, scripts={"gamma": "gamma:G"})
    words = ["--no-index", "--find-links", str(wheels), "--decoder", str(decoder_wheel), "-o", str(folder / "dist")]
    assert main(["pack", "-q", "--no-import", *words, "alpha", "beta", "gamma"]) == 0
    return folder


@pytest.fixture
def packed(airpack: Airpack, made: Path, wheels: Path) -> Path:
    """Return a copy of those results, and have the wheels at hand."""
    shutil.copytree(made / "wheels", wheels, dirs_exist_ok=True)
    shutil.copytree(made / "dist", airpack.output)
    return airpack.output


def _pack(airpack: Airpack, folder: Path, *words: str) -> Path:
    assert airpack.pack("-q", "--no-import", *words) == 0, airpack.err
    if folder != airpack.output:
        airpack.output.rename(folder)
    return folder


def _lay_out(airpack: Airpack, place: Path, folder: Path, *words: object) -> Layout:
    assert airpack("oci", place, "-o", folder, *words) == 0, airpack.err
    return Layout(folder)


def _manifest(found: Layout) -> Manifest:
    return found.manifest(restore.choose(found))


def _config(found: Layout) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(found.read(_manifest(found).config))
    return data


def _blob(found: Layout, descriptor: Descriptor) -> bytes:
    return b"".join(found.chunks(descriptor))


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _schema(uri: str) -> Resource[Any]:
    path = machine.FIXTURES / "image-spec" / uri.rpartition("/")[2]
    return Resource.from_contents(json.loads(path.read_text()), default_specification=DRAFT4)


_SCHEMAS: Registry[Any] = Registry(retrieve=_schema)  # type: ignore[call-arg]


def _validate(data: object, name: str) -> None:
    schema = _schema(f"{name}-schema.json").contents
    Draft4Validator(schema, registry=_SCHEMAS).validate(data)


@FORMS
def test_what_is_written_follows_the_image_spec(
    airpack: Airpack, packed: Path, tmp_path: Path, form: list[str]
) -> None:
    """By its published schemas; the blobs are what they are called, and nothing else lies there."""
    found = _lay_out(airpack, packed, tmp_path / "layout", *form)
    _validate(json.loads((found.path / "oci-layout").read_bytes()), "image-layout")
    _validate(json.loads((found.path / INDEX).read_bytes()), "image-index")
    manifest = restore.choose(found)
    _validate(json.loads(found.read(manifest)), "image-manifest")
    _validate(_config(found), "config")
    digests = {each.digest.partition(":")[2] for each in found.blobs()}
    assert {path.name for path in (found.path / BLOBS).iterdir()} == digests
    for each in found.blobs():
        assert len(_blob(found, each)) == each.size
    about = _manifest(found).annotations
    digest = json.loads((packed / "manifest.json").read_text())["bundle"]["digest"]
    assert about[image.DIGEST] == digest
    assert about[image.TARGET] == "cp37-manylinux_2_27_x86_64"
    assert about[image.PACKAGES] == "alpha==1.0 beta==1.0 gamma==1.0"
    config = _config(found)
    assert (config["os"], config["architecture"], config["created"]) == ("linux", "amd64", "1980-01-01T00:00:00Z")
    assert len(config["history"]) == len(config["rootfs"]["diff_ids"]) == len(_manifest(found).layers)


@FORMS
def test_each_layer_is_the_tar_that_the_config_says(
    airpack: Airpack, packed: Path, tmp_path: Path, form: list[str]
) -> None:
    """Laid one over the other they are the tree: each path in one of them, and no hard link that leads into another."""
    found = _lay_out(airpack, packed, tmp_path / "layout", *form)
    manifest, seen = _manifest(found), []
    over = tmp_path / "tree"
    for layer, diff in zip(manifest.layers, _config(found)["rootfs"]["diff_ids"], strict=True):
        data = pyzstd.decompress(_blob(found, layer))
        assert diff == f"sha256:{hashlib.sha256(data).hexdigest()}"
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            names = archive.getnames()
            links = [each.linkname for each in archive if each.islnk()]
            archive.extractall(over, filter="tar")
        assert len(set(names)) == len(names)
        assert set(links) <= set(names)
        seen += names
    assert len(set(seen)) == len(seen)
    with Results.at(packed).open_bundle() as contents:
        assert {*contents.entries, *contents.toc.directories, layout.TREE_NOTE} == {*seen} - {layout.SUMS}
    content = json.loads((packed / "manifest.json").read_text())["bundle"]["content_digest"]
    assert f"sha256:{signed_tree.content_digest(str(over))}" == content
    assert json.loads((over / layout.TREE_NOTE).read_text())["content_digest"] == content
    assert (over / layout.SITE_PACKAGES / "blib" / "shared.bin").read_bytes() == SHARED
    assert (over / layout.SITE_PACKAGES).stat().st_mode & 0o777 == 0o755


def test_the_bundle_itself_is_a_layer(airpack: Airpack, packed: Path, tmp_path: Path) -> None:
    """Its bytes are untouched, so that a registry has them under the SHA-256 that the manifest lists."""
    found = _lay_out(airpack, packed, tmp_path / "layout")
    first, last = _manifest(found).layers
    told = json.loads((packed / "manifest.json").read_text())["bundle"]
    assert (first.digest, first.size) == (f"sha256:{told['file_sha256']}", told["size"])
    assert last.size < 2000


@FORMS
def test_the_very_bundle_comes_back(airpack: Airpack, packed: Path, tmp_path: Path, form: list[str]) -> None:
    """Byte for byte, with nothing but itself."""
    found = _lay_out(airpack, packed, tmp_path / "layout", *form)
    back = restore.restore(found, tmp_path / "back")
    digest = json.loads((packed / "manifest.json").read_text())["bundle"]["digest"]
    assert (back.path, back.digest, back.beside) == (tmp_path / "back" / layout.BUNDLE_NAME, digest, [])
    assert _files(tmp_path / "back") == {layout.BUNDLE_NAME: (packed / layout.BUNDLE_NAME).read_bytes()}


@FORMS
def test_the_same_bundle_gives_the_same_bytes(
    airpack: Airpack, packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: list[str]
) -> None:
    """Wherever it lies; SOURCE_DATE_EPOCH is the time that is told, and nothing else."""
    first = _lay_out(airpack, packed, tmp_path / "first", *form)
    shutil.copy(packed / layout.BUNDLE_NAME, tmp_path / "other.tar.zst")
    second = _lay_out(airpack, tmp_path / "other.tar.zst", tmp_path / "second", *form)
    assert _files(first.path) == _files(second.path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    third = _lay_out(airpack, packed, tmp_path / "third", *form)
    assert _config(third)["created"] == "2023-11-14T22:13:20Z"
    assert [each.digest for each in _manifest(third).layers] == [each.digest for each in _manifest(first).layers]


def _names(found: Layout) -> dict[str, str]:
    """Return the digest of each layer by what is in it."""
    return {each.annotations[image.DISTRIBUTIONS]: each.digest for each in _manifest(found).layers}


def test_a_changed_pin_moves_its_layer_and_the_last(
    airpack: Airpack, packed: Path, wheels: Path, tmp_path: Path
) -> None:
    """Nothing else, though the other distributions' frames lie elsewhere in the bundle."""
    before = _names(_lay_out(airpack, packed, tmp_path / "before", "--split"))
    packed.rename(tmp_path / "older")
    larger = os.urandom(9 << 20)  # of more frames
    build_wheel(wheels, "beta", "1.1", files={"beta.py": "B = 2\n", "space/beta.py": "", "blib/new.bin": larger})
    after = _names(_lay_out(airpack, _pack(airpack, packed, "alpha", "beta", "gamma"), tmp_path / "after", "--split"))
    assert before.keys() - after.keys() == {"beta 1.0"}
    assert after.keys() - before.keys() == {"beta 1.1"}
    last = "what makes it a tree"
    assert {name for name in before if before[name] != after.get(name)} == {"beta 1.0", last}


def test_another_distribution_moves_none(airpack: Airpack, packed: Path, wheels: Path, tmp_path: Path) -> None:
    """Also one that comes before all others."""
    before = _names(_lay_out(airpack, packed, tmp_path / "before", "--split"))
    packed.rename(tmp_path / "older")
    build_wheel(wheels, "aardvark")
    words = ("aardvark", "alpha", "beta", "gamma")
    after = _names(_lay_out(airpack, _pack(airpack, packed, *words), tmp_path / "after", "--split"))
    assert {*after.items()} - {*before.items()} == {
        (name, after[name]) for name in ("aardvark 1.0", "what makes it a tree")
    }


def test_a_distribution_that_begins_with_a_large_file_has_its_folders(
    airpack: Airpack, wheels: Path, tmp_path: Path
) -> None:
    """They are in a frame before it, and yet in its own layer."""
    build_wheel(wheels, "first")
    build_wheel(wheels, "second", files={"a.bin": os.urandom(5 << 20)})
    place = _pack(airpack, airpack.output, "first", "second", "--no-bytecode")
    found = _lay_out(airpack, place, tmp_path / "layout", "--split")
    layer = next(each for each in _manifest(found).layers if each.annotations[image.DISTRIBUTIONS] == "second 1.0")
    with tarfile.open(fileobj=io.BytesIO(pyzstd.decompress(_blob(found, layer)))) as archive:
        names = archive.getnames()
    assert names[:2] == [f"{layout.SITE_PACKAGES}/second-1.0.dist-info", f"{layout.SITE_PACKAGES}/a.bin"]


def test_layers_are_few_and_grouped_by_name() -> None:
    """Under 100 in all; which small ones share a layer depends on none of the others."""
    names = [f"package-{number}" for number in range(400)]
    sizes = [split.OWN + 1 if number < split.OWN_LIMIT else 1000 for number in range(400)]
    groups = split._grouped(names, sizes)
    assert len(groups) == split.OWN_LIMIT + split.BUCKETS == 96
    assert sorted(number for group in groups for number in group) == list(range(400))
    fewer = [{names[number] for number in group} for group in split._grouped(names[:399], sizes[:399])]
    assert fewer == [{names[number] for number in group} - {names[399]} for group in groups]
    crowded = split._grouped(names, [split.OWN + 1] * 100 + [2 * split.OWN] * 10 + [1000] * 290)
    assert [group for group in crowded if group[0] in range(100, 110)] == [
        [number] for number in (100, *range(101, 110))
    ]
    assert len(crowded) <= split.BUCKETS + 10


def test_a_name_that_means_a_deletion_is_refused(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """A container engine would take the file away, or all that is below."""
    build_wheel(wheels, "odd", files={"odd/__init__.py": "", "odd/.wh.data": "x"})
    place = _pack(airpack, airpack.output, "odd", "--no-bytecode")
    assert airpack("oci", place, "-o", tmp_path / "layout") == 1
    assert airpack.error == (
        f"airpack: error: {place}/bundle.tar.zst holds site-packages/odd/.wh.data, and container engines take .wh.* in "
        "a layer for a deletion: leave it out with pack --exclude"
    )
    assert not (tmp_path / "layout").exists()


def test_what_engines_refuse_is_refused(
    airpack: Airpack, packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Podman takes no layer that has a folder twice."""
    once = TarWriter.add_directory

    def twice(self: TarWriter, path: str) -> None:
        once(self, path)
        once(self, path)

    packed.rename(tmp_path / "sound")
    monkeypatch.setattr(TarWriter, "add_directory", twice)
    bundle = _pack(airpack, packed, "alpha", "gamma") / layout.BUNDLE_NAME
    assert airpack("oci", bundle, "-o", tmp_path / "layout") == 1
    assert airpack.error == (
        f"airpack: error: {bundle} has bin/ in a way that container engines don't take: pack it again with this airpack"
    )


def _for(airpack: Airpack, target: str, folder: Path) -> Path:
    """Pack for a Python that needs no decoder."""
    assert airpack.pack("gamma", "-q", "--target", target, "--no-bytecode", "--no-import") == 0, airpack.err
    airpack.output.rename(folder)
    return folder


def test_several_platforms_make_one_index(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """Each bundle comes back by its platform; without one, this machine's does."""
    build_wheel(wheels, "gamma")
    intel, arm = (_for(airpack, f"cp314-manylinux_2_28_{each}", tmp_path / each) for each in ("x86_64", "aarch64"))
    assert airpack("oci", intel, arm, "-o", tmp_path / "layout") == 0, airpack.err
    found = Layout(tmp_path / "layout")
    assert [each.media_type for each in found.index] == [INDEX_TYPE]
    index = json.loads(found.read(found.index[0]))
    _validate(index, "image-index")
    assert [each["platform"]["architecture"] for each in index["manifests"]] == ["amd64", "arm64"]
    for wanted, place in (("linux/amd64", intel), ("linux/arm64", arm)):
        back = restore.restore(found, tmp_path / "back", wanted=wanted)
        assert back.path.read_bytes() == (place / layout.BUNDLE_NAME).read_bytes()
    with pytest.raises(UsageError) as caught:
        restore.choose(found, "linux/s390x")
    assert str(caught.value) == (
        f"{found.path} has linux/amd64, linux/arm64, and no one image for linux/s390x: name one with --platform"
    )


def test_one_platform_twice_is_refused(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """Nothing tells an engine which of two Pythons is meant."""
    build_wheel(wheels, "gamma")
    one, other = (
        _for(airpack, f"cp314-{each}_x86_64", tmp_path / each) for each in ("manylinux_2_28", "musllinux_1_2")
    )
    assert airpack("oci", one, other, "-o", tmp_path / "layout") == 2
    assert airpack.error == (
        f"airpack: error: {one}/bundle.tar.zst and {other}/bundle.tar.zst are both for linux/amd64, and an image index "
        "has one for each: write them into layouts of their own"
    )
    assert not (tmp_path / "layout").exists()


@pytest.fixture
def team(airpack: Airpack, tmp_path: Path) -> Path:
    """Return the path of a new key."""
    assert airpack("keygen", "-q", "-o", tmp_path / "team") == 0
    return tmp_path / "team.key"


@FORMS
def test_what_lies_beside_the_bundle_refers_to_it(
    airpack: Airpack, packed: Path, team: Path, tmp_path: Path, form: list[str]
) -> None:
    """Signature and SBOM, as artifacts with the image as their subject; they come back with it."""
    assert airpack("sign", "-q", packed, "--key", team) == 0
    assert airpack("sbom", "-q", packed, "-o", packed / "sbom.cdx.json") == 0, airpack.err
    found = _lay_out(airpack, packed, tmp_path / "layout", *form)
    chosen, artifacts = found.index[0], found.index[1:]
    assert [each.artifact_type for each in artifacts] == [image.SIGNATURE_TYPE, image.SBOM_TYPE]
    for each in artifacts:
        _validate(json.loads(found.read(each)), "image-manifest")
        subject = found.manifest(each).subject
        assert subject is not None
        assert (subject.digest, subject.size, subject.media_type) == (chosen.digest, chosen.size, MANIFEST_TYPE)
    back = restore.restore(found, tmp_path / "back")
    names = [layout.BUNDLE_NAME, f"{layout.BUNDLE_NAME}.sig", "sbom.cdx.json"]
    assert [back.path.name, *(each.name for each in back.beside)] == names
    assert _files(tmp_path / "back") == {name: (packed / name).read_bytes() for name in names}
    assert airpack("verify", "-q", "--no-import", tmp_path / "back", "--key", team.with_suffix(".pub")) == 0, (
        airpack.err
    )
    # Without them, those of an older bundle don't stay beside the new one.
    for name in names[1:]:
        (packed / name).unlink()
    restore.restore(_lay_out(airpack, packed, tmp_path / "layout", *form), tmp_path / "back")
    assert sorted(_files(tmp_path / "back")) == [layout.BUNDLE_NAME]


def test_a_signature_of_another_bundle_is_refused(airpack: Airpack, packed: Path, tmp_path: Path) -> None:
    """It would be refused by the shim, far away."""
    shutil.copy(machine.FIXTURES / "golden" / "bundle.tar.zst.sig", packed)
    assert airpack("oci", packed, "-o", tmp_path / "layout") == 1
    assert airpack.error == (
        f"airpack: error: {packed}/bundle.tar.zst is not what bundle.tar.zst.sig is of: sign it again, or remove that"
    )


@FORMS
def test_a_signed_image_makes_signed_trees(
    airpack: Airpack, packed: Path, team: Path, tmp_path: Path, form: list[str]
) -> None:
    """The shim's own check takes what the layers make, by the key's public half."""
    found = _lay_out(airpack, packed, tmp_path / "layout", *form, "--sign", team)
    over = tmp_path / "tree"
    for layer in _manifest(found).layers:
        with tarfile.open(fileobj=io.BytesIO(pyzstd.decompress(_blob(found, layer)))) as archive:
            archive.extractall(over, filter="tar")
    signed_tree.check(str(over), keys.load_public(team.with_suffix(".pub")))


def _renamed(key: str) -> Callable[[dict[str, Any]], object]:
    def change(manifest: dict[str, Any]) -> object:
        for each in (manifest, *manifest["layers"]):
            each.get("annotations", {}).pop(key, None)
        return None

    return change


def _extents(change: Callable[[str], str]) -> Callable[[dict[str, Any]], object]:
    def apply(manifest: dict[str, Any]) -> object:
        about = next(each["annotations"] for each in manifest["layers"] if EXTENTS in each["annotations"])
        about[EXTENTS] = change(about[EXTENTS])
        return None

    return apply


# What is done to a manifest, and what is said of it.
_WRONG: Mapping[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no extents": (_renamed(EXTENTS), "holds no bundle of airpack's (bytes of it lie outside their layer)"),
    "no rest": (_renamed(REST), "holds no bundle of airpack's (bytes of it are in no layer)"),
    "no size": (_renamed(SIZE), "holds no bundle of airpack's (invalid literal for int() with base 10: '')"),
    "an extent twice": (_extents(lambda text: f"{text} {text}"), "are there twice, or too many)"),
    "words": (_extents(lambda _: "all of it"), "holds no bundle of airpack's ('all' is no extent)"),
    "outside": (
        _extents(lambda text: f"{text}99999"),
        "holds no bundle of airpack's (bytes of it lie outside their layer)",
    ),
    "elsewhere": (_extents(lambda text: text.replace("@19", "@0")), "gives no whole bundle"),
    "too large": (
        lambda manifest: manifest["annotations"].update({SIZE: "1" * 15}),
        "holds no bundle of airpack's (it tells a wrong size)",
    ),
    "of another bundle": (
        lambda manifest: manifest["annotations"].update({image.DIGEST: "sha256:other"}),
        "and tells of sha256:other",
    ),
}


@pytest.mark.parametrize("wrong", _WRONG)
def test_a_manifest_that_lies_gives_nothing(airpack: Airpack, packed: Path, tmp_path: Path, wrong: str) -> None:
    """Whatever its annotations say, only the bundle that they name is written, and what was there stays."""
    found = _lay_out(airpack, packed, tmp_path / "layout", "--split")
    change, message = _WRONG[wrong]
    manifest = json.loads(found.read(restore.choose(found)))
    change(manifest)
    data = json.dumps(manifest).encode()
    digest = hashlib.sha256(data).hexdigest()
    (found.path / BLOBS / digest).write_bytes(data)
    index = {"manifests": [{"mediaType": MANIFEST_TYPE, "digest": f"sha256:{digest}", "size": len(data)}]}
    (found.path / INDEX).write_text(json.dumps(index))
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / layout.BUNDLE_NAME).write_text("older")
    with pytest.raises(InvalidLayout) as caught:
        restore.restore(Layout(found.path), tmp_path / "back")
    assert message in str(caught.value)
    assert _files(tmp_path / "back") == {layout.BUNDLE_NAME: b"older"}


def _largest(found: Layout) -> Path:
    return max((found.path / BLOBS).iterdir(), key=lambda path: path.stat().st_size)


@FORMS
def test_a_damaged_layout_gives_nothing(airpack: Airpack, packed: Path, tmp_path: Path, form: list[str]) -> None:
    """A blob that is missing, cut, or has one flipped bit is told by its digest."""
    found = _lay_out(airpack, packed, tmp_path / "layout", *form)
    blob = _largest(found)
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    for content in (bytes(data), bytes(data[:-1])):
        blob.write_bytes(content)
        with pytest.raises(InvalidLayout, match=f"has a damaged blob sha256:{blob.name}: its content is another"):
            restore.restore(found, tmp_path / "back")
    blob.unlink()
    with pytest.raises(InvalidLayout, match=rf"lacks the blob sha256:{blob.name} \(No such file or directory\)"):
        restore.restore(found, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_what_is_no_layout_is_told_as_such(tmp_path: Path) -> None:
    """An empty folder, another version, an index that is none."""
    for text, message in (
        (None, r"is no OCI image layout \(No such file or directory\): copy, pull or write it again"),
        ('{"imageLayoutVersion": "2.0.0"}', "is an OCI image layout of another version than 1"),
        ('{"imageLayoutVersion": "1.0.0"}', "has an index index.json that makes no sense"),
    ):
        if text is not None:
            (tmp_path / "oci-layout").write_text(text)
            (tmp_path / INDEX).write_text('{"manifests": 5}')
        with pytest.raises(InvalidLayout, match=message):
            Layout(tmp_path)


def test_only_a_layout_of_ours_is_replaced(airpack: Airpack, packed: Path, tmp_path: Path) -> None:
    """What is somebody's stays."""
    place = tmp_path / "layout"
    _lay_out(airpack, packed, place)
    split_up = _lay_out(airpack, packed, place, "--split")
    assert len(_manifest(split_up).layers) > 2
    (place / INDEX).write_text('{"schemaVersion": 2, "manifests": []}')
    before = _files(place)
    assert airpack("oci", packed, "-o", place) == 1
    assert airpack.error == (
        f"airpack: error: {place} is not an empty folder or a layout of airpack's: give --output another name"
    )
    assert _files(place) == before


def test_the_output_says_what_was_made_and_how_to_push_it(airpack: Airpack, packed: Path, tmp_path: Path) -> None:
    """With a tool that any registry's user has."""
    found = _lay_out(airpack, packed, tmp_path / "layout", "--split")
    first, second, last = airpack.out.splitlines()
    assert first.startswith("image     linux/amd64, 5 layers, ")
    assert first.endswith(" of cp37-manylinux_2_27_x86_64")
    assert second == f"digest    {found.index[0].digest}"
    assert last == f"push      airpack push {tmp_path}/layout REGISTRY/REPOSITORY:TAG"
