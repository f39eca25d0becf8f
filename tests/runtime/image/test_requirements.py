"""A requirements file without a network: met by the bundle, or installed from a wheelhouse."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Dict

import pytest
from airpack_runtime import boot, layout
from airpack_runtime.errors import AzureError
from airpack_runtime.format import reader
from airpack_runtime.image import pip_install, requirements

from ..conftest import SITE_PACKAGES, needs_target, open_to_others, umask, within
from .conftest import PRINT, Exec

pytestmark = needs_target


def _wheel(folder: Path, name: str, version: str, metadata: str = "") -> None:
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(str(folder / f"{name}-{version}-py3-none-any.whl"), "w") as archive:
        archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + metadata)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name}-tool = {name}:print\n")
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


def test_a_bundle_that_meets_the_file_is_activated(run: Exec, code: Path, golden: Path) -> None:
    """Names in any spelling, versions, markers of this Python, nested files, comments and hashes."""
    shutil.copy(str(golden), str(code / layout.BUNDLE_NAME))
    (code / "more.txt").write_text("beta\n")
    lines = ["--index-url https://x.invalid/", "Alpha>=1,<2  # comment", "never; python_version > '3.7'", "-r more.txt"]
    (code / "any name.txt").write_text(
        "\ufeff" + "\n".join([*lines, "alpha==1.0 \\", "  --hash=sha256:00"]), encoding="utf-8"
    )
    done = run(PRINT, AZUREML_EXTRA_REQUIREMENTS_TXT="any name.txt")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("41 ")


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_may_have_another_encoding(run: Exec, code: Path, golden: Path, encoding: str) -> None:
    """What pip reads, the boot reads: a file that PowerShell wrote, or one with a coding line."""
    shutil.copy(str(golden), str(code / layout.BUNDLE_NAME))
    text = "# -*- coding: latin-1 -*-\r\nalpha==1.0  # caf\xe9\r\n"
    (code / "requirements.txt").write_bytes(text.encode(encoding))
    done = run(PRINT, AZUREML_EXTRA_REQUIREMENTS_TXT="requirements.txt")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_what_the_bundle_lacks_is_installed_from_the_wheelhouse(run: Exec, code: Path, golden: Path) -> None:
    """By the image's pip, without a network, once; into a tree of its own, never the image."""
    shutil.copy(str(golden), str(code / layout.BUNDLE_NAME))
    _wheel(code / "wheelhouse", "delta", "2.0")
    (code / "requirements.txt").write_text("delta>1\n")
    words = [
        "python",
        "-c",
        "import delta, os, shutil; print(delta.__file__, os.path.dirname(shutil.which('delta-tool')))",
    ]
    first = run(words, AZUREML_EXTRA_REQUIREMENTS_TXT="requirements.txt", AIRPACK_LOG="text")
    assert first.returncode == 0, first.stderr
    assert "airpack: installed by pip from a wheelhouse: " in first.stderr
    file, scripts = first.stdout.split()
    assert os.path.dirname(file).endswith("/site-packages")
    assert scripts == file.replace(f"/{SITE_PACKAGES}/delta.py", "/bin")
    second = run(words, AZUREML_EXTRA_REQUIREMENTS_TXT="requirements.txt", AIRPACK_LOG="text")
    assert (second.stdout, "installed before" in second.stderr) == (first.stdout, True)
    _wheel(code / "wheelhouse", "delta", "3.0")
    third = run(words, AZUREML_EXTRA_REQUIREMENTS_TXT="requirements.txt")
    assert third.stdout != first.stdout


@pytest.mark.slow
def test_nobody_else_can_change_what_pip_installs(run: Exec, code: Path, env: Dict[str, str]) -> None:
    """Whatever the umask; nor add bytecode, as pip has written all of it."""
    _wheel(code / "wheelhouse", "delta", "2.0")
    (code / "requirements.txt").write_text("delta\n")
    with umask(0):
        done = run(
            ["python", "-c", "import delta; print(delta.__cached__)"], AZUREML_EXTRA_REQUIREMENTS_TXT="requirements.txt"
        )
    assert os.path.isfile(done.stdout.strip()), done.stderr
    assert open_to_others(Path(env["AIRPACK_CACHE_DIR"])) == []


@pytest.mark.parametrize("with_wheelhouse", [False, True])
def test_what_can_not_be_met_ends_with_95(run: Exec, code: Path, golden: Path, with_wheelhouse: bool) -> None:
    """At once, each requirement with the nearest version there is."""
    shutil.copy(str(golden), str(code / layout.BUNDLE_NAME))
    (code / "requirements.txt").write_text("alpha==9\nnothing\nbeta\n")
    if with_wheelhouse:
        _wheel(code / "wheelhouse", "alpha", "8.0")
    done = run(["true"], AZUREML_EXTRA_REQUIREMENTS_TXT="requirements.txt")
    assert done.returncode == 95
    assert done.stderr.count("\n") == 1
    expected = (
        ["alpha==9: it has 8.0", "nothing: it has none", "beta: it has none"]
        if with_wheelhouse
        else [
            "alpha==9: there is 1.0",
            "nothing: there is none",
            "pack it anew from that file, or put a folder wheelhouse beside it",
        ]
    )
    assert all(each in done.stderr for each in expected), done.stderr


def test_extras_are_followed_by_what_they_require(
    run: Exec, code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each once, though they name each other; what one of them lacks is told, and what no pip reads is passed over."""
    image = tmp_path / "image"
    for name, requires in (
        (
            "web",
            [
                "no (pip) reads this ; extra == 'all'",
                "db[fast] ; extra == 'all'",
                "absent>=2 ; extra == 'all'",
                "web[all] ; extra == 'more'",
            ],
        ),
        ("db", ["web[all] ; extra == 'fast'"]),
    ):
        metadata = image / f"{name}-1.0.dist-info" / "METADATA"
        metadata.parent.mkdir(parents=True)
        lines = [
            "Metadata-Version: 2.1",
            f"Name: {name}",
            "Version: 1.0",
            *(f"Requires-Dist: {each}" for each in requires),
        ]
        metadata.write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(sys, "path", [str(image), *sys.path])
    for line, expected in (("web", []), ("web[more]", ['absent>=2; extra == "all": there is none'])):
        found = list(requirements.unmet([pip_install.Row(False, line)], []))
        assert found == expected


_SOURCES = (
    *("-i URL", "-iURL", "--index-url URL", "--index=URL", "--extra-index=URL", "--pypi-url=URL"),
    *("-f DIR", "-fDIR", "--find=DIR", "--find-links=DIR", "--no-index -f DIR", "--trusted-host h --find-l DIR"),
    *("--pre", "--require-hashes", "--no-b :all:", "--prefer --only-binary=:all: -f'DIR'"),
)


@pytest.mark.parametrize("line", _SOURCES)
def test_options_about_sources_are_passed_over_in_every_spelling(tmp_path: Path, line: str) -> None:
    """As pip reads them: their beginnings will do, and several can stand in a line."""
    file = tmp_path / "requirements.txt"
    file.write_text("{}\none\n".format(line.replace("URL", "http://127.0.0.1/").replace("DIR", str(tmp_path))))
    assert list(requirements._rows(str(file), {})) == [(False, "one", ())]


_NOT_BY_NAME = (
    *("one @ file:///DIR/one-1.0-py3-none-any.whl", "one @ http://127.0.0.1:9/one-1.0-py3-none-any.whl"),
    *("one@git+file:///DIR", "DIR/one-1.0-py3-none-any.whl", "./one-1.0-py3-none-any.whl", "DIR", ".", "-e DIR", "-e."),
    *("one --global-option=x", "one --hash=sha256:00 -f DIR", "one -f DIR", "one --config-settings x=y", "--no- DIR"),
    *('one; os_name != " -f DIR "', 'one; os_name != " --index-url=http://127.0.0.1:9 "', "one; os_name != ' # '"),
    *("--requir more.txt", "-i", "-f 'unclosed", "--unknown", "one[", "one; os_name != '${NOSUCH}'"),
)


@pytest.mark.parametrize("line", _NOT_BY_NAME)
def test_what_is_no_requirement_by_name_is_not_given_to_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """Though a wheelhouse has what the file names: the line is told, and the status is 95."""
    monkeypatch.setattr(pip_install, "install", None)
    monkeypatch.setattr(requirements, "_bundle_at_hand", lambda *_: None)
    line = line.replace("DIR", str(tmp_path))
    _wheel(tmp_path / "wheelhouse", "one", "1.0")
    _wheel(tmp_path / "wheelhouse", "two", "1.0")
    (tmp_path / "requirements.txt").write_text(f"two\n{line}\n")
    with pytest.raises(AzureError, match="a boot takes packages by their names alone, from no path or URL") as caught:
        requirements.ready_tree(str(tmp_path / "requirements.txt"), {})
    assert caught.value.status == 95


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("x @ https://h.invalid/p.whl?sig=abc hush", "x @ https://h.invalid/p.whl?****"),
        ("--proxy hush@proxy", "--proxy"),
        ("one --proxy=hush@proxy", "one --proxy"),
        ("-e ./other", "-e ./other"),
        ("--editable=./other", "--editable=./other"),
    ],
)
def test_what_may_give_access_in_a_line_is_not_told(tmp_path: Path, line: str, shown: str) -> None:
    """Where a reader of URLs takes it for no account, and for no query either."""
    row = pip_install.Row(False, line)
    told = [next(requirements._not_in(str(tmp_path), [row])), next(requirements.unmet([row], []))]
    assert told == [f"{shown}: a boot takes packages by their names alone, from no path or URL"] * 2


@pytest.mark.parametrize(
    ("line", "met"),
    [
        ("one @ file:///DIR/one-1.0-py3-none-any.whl", True),
        ("/DIR/one-1.0-py3-none-any.whl", True),
        ("./one-1.0-1-py3-none-any.whl", True),
        ("https://host.invalid/one-1.0.tar.gz", True),
        ("-e git+https://host.invalid/one.git@abc#egg=one", True),
        ("one==1.0 --config-settings=a=b", True),
        ("one==2.0 --config-settings=a=b", False),
        ("/DIR/one-2.0-py3-none-any.whl", False),
        ("pip @ file:///DIR/pip-1.0-py3-none-any.whl", False),
        ("-e ./one", False),
        ('one; os_name != " -f DIR "', False),
    ],
)
def test_a_bundle_meets_the_rows_that_it_was_packed_from(tmp_path: Path, line: str, met: bool) -> None:
    """By the name of what they lead to, and the version where they tell it; what the image has doesn't count."""
    metadata = tmp_path / SITE_PACKAGES / "one-1.0.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: one\nVersion: 1.0\n")
    unmet = list(requirements.unmet([pip_install.Row(False, line)], [str(tmp_path)]))
    assert (not unmet) is met, unmet


def test_each_file_is_read_once_however_they_name_each_other(tmp_path: Path) -> None:
    """A hundred levels that name each other twice, a circle, a link to itself; a pipe is not waited for."""
    for number in range(100):
        name = f"{number + 1}.txt" if number < 99 else "0.txt"
        (tmp_path / f"{number}.txt").write_text(f"-r {name}\n-r./{name}\n-cmore/{name}\n--constr={name}\nn{number}\n")
    (tmp_path / "more").symlink_to(".")
    with within(10, "the reading"):
        rows = list(requirements._rows(str(tmp_path / "0.txt"), {}))
    assert sorted(rows) == sorted((kind, f"n{number}", ()) for kind in (False, True) for number in range(100))
    os.mkfifo(str(tmp_path / "pipe"))
    (tmp_path / "0.txt").write_text("-r pipe\n")
    with within(10, "the reading"), pytest.raises(AzureError, match=r"/pipe, which .*/0\.txt names: it is no file"):
        list(requirements._rows(str(tmp_path / "0.txt"), {}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("one" + " " * 900_000 + "x", "a line is too long"),
        ("one" + " --hash=a:b" * 80_000 + " x", "a line is too long"),
        ("./" + "one-1-" * 300 + "\n" + "x" * 1_100_000, "it is no file of requirements"),
        ("one>=1" + ",>=1" * 900_000, "it is no file of requirements"),
        ("# coding: undefined\none", "can't be decoded"),
        ("# coding: punycode\n" + "b" * 500_000 + "-" + "a" * 500_000, r"can't be decoded \(punycode is no encoding"),
        ("# coding: idna\nxn--" + "b" * 500_000 + "-" + "a" * 500_000, r"can't be decoded \(idna is no encoding"),
        (("one>=1" + ",>=1" * 480 + "\n") * 100, "it asks for too much"),
        ("a\n" * 500_000, "it asks for too much"),
        ("-r x\n" * 200_000, "it asks for too much"),
        ("#\n" * 500_000, "it asks for too much"),
        ("one; " + "(" * 1900 + "\n" + "${LONG}" * 100_000, "a line is too long"),
    ],
    ids=[*map(str, range(12))],
)
def test_no_text_takes_long_or_ends_otherwise(tmp_path: Path, text: str, reason: str) -> None:
    """However large it is, or its encoding: the reading ends soon, in an error of a line."""
    (tmp_path / "r.txt").write_text(text)
    with within(10, "the reading"), pytest.raises(AzureError, match=reason):
        list(requirements._rows(str(tmp_path / "r.txt"), {"LONG": "x" * 100_000}))


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"one>=1{',>=1' * 480},>={number}\n" for number in range(11)),
        "".join(f"n{number}\n" for number in range(12_000)),
        "".join(f"one; {'(' * 1900}'{number}'\n" for number in range(11)),
    ],
    ids=["versions", "names", "markers"],
)
def test_as_much_as_a_file_may_ask_for_is_read_soon(run: Exec, code: Path, text: str) -> None:
    """All rows in all of their readings, and the line that names what is missing stays one that people read."""
    (code / "requirements.txt").write_text(text)
    with within(60, "the boot"):
        done = run(PRINT, AZUREML_EXTRA_REQUIREMENTS_TXT="requirements.txt")
    assert done.returncode == 95
    assert len(done.stderr) < 25_000


def test_a_lock_of_a_thousand_packages_is_read(tmp_path: Path) -> None:
    """With markers and hashes, as `pip-compile` and `uv export` write them; repeated ones count once."""
    marker = "python_full_version >= '3.7.1' and platform_machine == 'x86_64' and sys_platform == 'linux'"
    lock = [
        f"package-{number}==1.2.{number} ; {marker} --hash=sha256:{'0' * 64} --hash=sha256:{'1' * 64}"
        for number in range(1000)
    ]
    (tmp_path / "r.txt").write_text("\n".join(lock))
    assert len(list(requirements._rows(str(tmp_path / "r.txt"), {}))) == 1000


@pytest.mark.parametrize("line", ["./" + "one-1-" * 300, "one; " + "(" * 1900, "one>=1" + ",>=1" * 480])
def test_no_requirement_takes_long_to_read(tmp_path: Path, line: str) -> None:
    """None that a line can hold: of a path with many versions in it, a marker of many brackets, many versions."""
    with within(10, "the reading"):
        assert len(list(requirements.unmet([pip_install.Row(False, line)], []))) == 1


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("one @ https://${TOKEN}@host/one.whl", "https://****@host/one.whl: a boot takes"),
        ("git+https://me:${TOKEN}@host/one.git@v1", "git+https://****@host/one.git@v1: a boot takes"),
        (
            "one @ https://host/one.whl?sig=${TOKEN}&x=${TOKEN} ; os_name != ''",
            "https://host/one.whl?**** a boot takes",
        ),
        ("git+https://${SLASHED}@host/one.git@v1", "git+https://****@host/one.git@v1: a boot takes"),
        ("https://me:${SLASHED}@host/one.whl", "https://****@host/one.whl: a boot takes"),
        ("one @ https://me:${ENDED}@host/one.whl", "https://****@host/one.whl: a boot takes"),
        ("one @ https://host/one.whl#${TOKEN}", "https://host/one.whl#**** a boot takes"),
        ("https:/me:${TOKEN}@host/one.whl", "https:/****@host/one.whl: a boot takes"),
        ("//me:${TOKEN}@host/one.whl", "//****@host/one.whl: a boot takes"),
        ("--index-url https://me:hush@host/simple one", " --index-url: a boot takes"),
    ],
)
def test_no_error_tells_what_gives_access(run: Exec, code: Path, line: str, shown: str) -> None:
    """Neither what stands in a URL nor what a variable puts there: a boot's lines are kept in logs."""
    (code / "requirements.txt").write_text(line)
    variables = {"AZUREML_EXTRA_REQUIREMENTS_TXT": "requirements.txt", "TOKEN": "hush"}
    variables.update(SLASHED="a/hush", ENDED="hush\n")
    done = run(PRINT, **variables)
    assert done.returncode == 95
    assert shown in done.stderr
    assert "hush" not in done.stdout + done.stderr


def test_an_endless_file_is_no_file_of_requirements(tmp_path: Path) -> None:
    """Nor one of a terabyte that takes no room on the disk."""
    (tmp_path / "zero").symlink_to("/dev/zero")
    with open(str(tmp_path / "huge"), "wb") as file:
        file.truncate(1 << 40)
    for name in ("zero", "huge"):
        with within(10, "the reading"), pytest.raises(AzureError, match="it is no file of requirements"):
            list(requirements._rows(str(tmp_path / name), {}))


def test_hashes_are_kept_apart(tmp_path: Path) -> None:
    """In both spellings, one or several, behind a line that goes on."""
    (tmp_path / "r.txt").write_text("one==1 \\\n --hash=sha256:aa \\\n\t--hash sha512:bb\ntwo[x]>1 ; os_name != 'x'\n")
    rows = list(requirements._rows(str(tmp_path / "r.txt"), {}))
    assert rows == [(False, "one==1", ("sha256:aa", "sha512:bb")), (False, "two[x]>1 ; os_name != 'x'", ())]


@pytest.mark.slow
def test_a_file_of_the_current_folder_is_no_requirement(run: Exec, code: Path, tmp_path: Path) -> None:
    """Nor is a module there pip: what pip gets, it gets in a folder of its own."""
    _wheel(code / "wheelhouse", "two", "1.0")
    _wheel(code / "wheelhouse", "one_1.0_py3_none_any.whl", "1.0")
    _wheel(tmp_path / "here", "one", "1.0")
    (tmp_path / "here" / "pip").mkdir()
    (tmp_path / "here" / "pip" / "__init__.py").write_text("raise SystemExit('planted')\n")
    (code / "requirements.txt").write_text("two\none-1.0-py3-none-any.whl\n")
    words = ["python", "-c", "import one"]
    done = run(words, AZUREML_EXTRA_REQUIREMENTS_TXT="requirements.txt", cwd=tmp_path / "here")
    assert (done.returncode, "planted" in done.stderr) == (95, False)
    (code / "requirements.txt").write_text("two\n")
    words = ["python", "-c", "import two; print(two.VERSION)"]
    done = run(words, AZUREML_EXTRA_REQUIREMENTS_TXT="requirements.txt", cwd=tmp_path / "here")
    assert done.stdout == "1.0\n", done.stderr


@pytest.mark.slow
def test_pip_reaches_no_network_whatever_a_wheel_requires(run: Exec, code: Path) -> None:
    """A wheel's metadata can name a URL, and no boot asks for it."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(5)
        url = "http://127.0.0.1:{}/x-1.0-py3-none-any.whl".format(server.getsockname()[1])
        _wheel(code / "wheelhouse", "two", "1.0", f"Requires-Dist: x @ {url}\n")
        (code / "requirements.txt").write_text("two\n")
        done = run(["true"], AZUREML_EXTRA_REQUIREMENTS_TXT="requirements.txt")
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert done.returncode == 95
    assert "/requirements.txt can't be installed from " in done.stderr


def _pinned(golden: Path) -> Dict[str, str]:
    with reader.open_bundle(str(golden)) as bundle:
        return {"AIRPACK_DIGEST": bundle.digest, "AZUREML_EXTRA_REQUIREMENTS_TXT": "requirements.txt"}


@pytest.mark.parametrize("place", ["wheelhouse", "."])
def test_a_pin_covers_no_wheels_that_lie_about(run: Exec, code: Path, golden: Path, place: str) -> None:
    """Wheels and sdists beside the file are not installed, with the pinned bundle there or without it."""
    _wheel(code / place, "delta", "2.0")
    with tarfile.open(str(code / place / "epsilon-1.0.tar.gz"), "w:gz") as archive:
        (code / "setup.py").write_text(f"open({str(code / 'ran')!r}, 'w')\n")
        archive.add(str(code / "setup.py"), "epsilon-1.0/setup.py")
    (code / "requirements.txt").write_text("delta\nepsilon\n")
    for pinned in (_pinned(golden), {**_pinned(golden), "AIRPACK_DIGEST": ""}, _pinned(golden)):
        done = run(["true"], **pinned)
        assert done.returncode == 95
        assert "delta: there is none; epsilon: there is none: pack it anew from that file, with the" in done.stderr
        if not pinned["AIRPACK_DIGEST"]:
            shutil.copy(str(golden), str(code / layout.BUNDLE_NAME))
    assert not (code / "ran").exists()


def test_an_empty_pin_refuses_a_plain_folder(run: Exec, code: Path) -> None:
    """It refuses everything."""
    (code / "extras").mkdir()
    done = run(["true"], AIRPACK_DIGEST="", AZUREML_EXTRA_PYTHON_LIB_PATH="extras")
    assert done.returncode == 97
    assert "is a plain folder, which AIRPACK_DIGEST can't pin" in done.stderr


@pytest.mark.slow
def test_a_pin_covers_the_wheels_in_its_bundle(run: Exec, code: Path, golden: Path, env: Dict[str, str]) -> None:
    """What is installed from them has its digest, for children too; what was installed without a pin isn't taken."""
    shutil.copy(str(golden), str(code / layout.BUNDLE_NAME))
    _wheel(code / "wheelhouse", "delta", "2.0")
    (code / "requirements.txt").write_text("delta\n")
    child = (
        "import subprocess, sys; subprocess.check_call([sys.executable, '-c', 'import delta; print(delta.__file__)'])"
    )
    free = run(["python", "-c", child], AZUREML_EXTRA_REQUIREMENTS_TXT="requirements.txt")
    assert free.returncode == 0, free.stderr
    tree = Path(boot.ready_tree(str(code / layout.BUNDLE_NAME), env).tree)
    (tree / "wheelhouse").mkdir()
    for path in (code / "wheelhouse").iterdir():
        shutil.copy2(str(path), str(tree / "wheelhouse"))
    shutil.rmtree(str(code / "wheelhouse"))
    bound = run(["python", "-c", child], **_pinned(golden))
    assert bound.returncode == 0, bound.stderr
    assert bound.stdout.split("/requirements-")[0] == free.stdout.split("/requirements-")[0]
    assert bound.stdout != free.stdout
