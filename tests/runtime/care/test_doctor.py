"""The doctor: a boot explained in one screen, and nothing changed by looking."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from airpack_runtime import boot, layout
from airpack_runtime.care import doctor
from airpack_runtime.care.log import EXPLAINED
from airpack_runtime.format import reader
from airpack_runtime.image import probe
from airpack_runtime.provide import unpack

from ..conftest import RUNTIME, SITE_PACKAGES, needs_target, python
from ..signer import SIGNER

pytestmark = needs_target
Ask = Callable[..., Dict[str, Any]]


@pytest.fixture
def ask(env: Dict[str, str], golden: Path) -> Ask:
    """Return a function that asks the doctor in a process with these variables, and returns its facts."""

    def run(**variables: str) -> Dict[str, Any]:
        changed = {**env, "PYTHONPATH": str(RUNTIME), "AIRPACK_BUNDLE": str(golden), **variables}
        done = python("-m", "airpack_runtime", "doctor", "--json", env=changed)
        facts: Dict[str, Any] = json.loads(done.stdout)
        fails = facts["boot"].startswith("it would fail")
        assert (done.returncode, done.stderr) == (97 if fails else 0, "")
        return facts

    return run


def test_before_and_after_the_first_boot(ask: Ask, golden: Path, env: Dict[str, str], cache_folder: Path) -> None:
    """Where it would be unpacked, then where it is and where that stands on the path; looking makes no folder."""
    facts = ask()
    assert facts["boot"] == f"it would be unpacked into {cache_folder}"
    assert (facts["bundle"], facts["found"]) == (str(golden), "by AIRPACK_BUNDLE or --bundle")
    assert facts["target"].startswith("cp37-")
    assert facts["folders"][str(cache_folder)] == "yes"
    assert not cache_folder.exists()
    tree = boot.ready_tree(str(golden), env).tree
    facts = ask()
    assert facts["boot"] == f"the tree is there: {tree}"
    path = facts["sys.path"]
    assert path.index(f"{tree}/{SITE_PACKAGES}") == path.index(os.path.dirname(os.__file__) + "/lib-dynload") + 1


def test_each_fault_of_the_environment_is_named(ask: Ask, tmp_path: Path) -> None:
    """Misspelt, leading nowhere, interfering: each with what is meant or near."""
    app = tmp_path / "app"
    (app / "code" / "extras").mkdir(parents=True)
    facts = ask(
        AML_APP_ROOT=str(app),
        AZUREML_ENTRY_SCRIPT="/code/score.py",
        AZUREML_EXTRA_REQUIRMENTS_TXT="requirements.txt",
        AZUREML_EXTRA_PYTHON_LIB_PATH="extra",
        AIRPACK_BUNDEL="x",
        CONDA_PREFIX="/opt/conda",
    )
    said = "\n".join(facts["problems"])
    assert (
        "AZUREML_EXTRA_REQUIRMENTS_TXT is set, but nothing reads it: is AZUREML_EXTRA_REQUIREMENTS_TXT meant?" in said
    )
    assert "AIRPACK_BUNDEL is set, but nothing reads it: is AIRPACK_BUNDLE meant?" in said
    assert f"AZUREML_EXTRA_PYTHON_LIB_PATH=extra: {app}/code/extra does not exist; there is {app}/code/extras" in said
    assert "CONDA_PREFIX=/opt/conda: packages of that environment are overridden by the bundle's" in said
    assert f"PYTHONPATH={RUNTIME}: its folders come before the standard library" in said


def test_what_a_tree_adds_to_the_path_is_worked_out_and_not_run(
    ask: Ask, golden: Path, env: Dict[str, str], tmp_path: Path
) -> None:
    """Folders that a `.pth` file names are listed; code in one, even in a tree of our own, isn't executed."""
    site = Path(boot.ready_tree(str(golden), env).tree) / SITE_PACKAGES
    (site / "more").mkdir()
    (site / "y.pth").write_text(f"# more\nmore\nabsent\nimport os; os.mkdir({str(tmp_path / 'ran')!r})\n")
    (site / "z.pth").write_text(f"import\tos; os.mkdir({str(tmp_path / 'ran')!r})\n")
    path = ask()["sys.path"]
    place = path.index(str(site))
    assert path[place + 1 : place + 6] == [
        *(f"{site}/gamma_more", "what gamma.pth adds, by the code in it", f"{site}/more"),
        *("what y.pth adds, by the code in it", "what z.pth adds, by the code in it"),
    ]
    assert not (tmp_path / "ran").exists()


def test_an_unsigned_table_of_contents_is_not_read(ask: Ask, golden: Path, env: Dict[str, str]) -> None:
    """Where a key is set: what is told of it comes from its digest alone."""
    facts = ask(AIRPACK_PUBLIC_KEY=SIGNER.public)
    assert f"{golden} is not signed" in facts["boot"] or "is signed with the key" in facts["boot"]
    assert not {"contents", "target", "trust"} & set(facts)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"AIRPACK_BUNDLE": "/nonexistent/b"}, "it would fail: no bundle at /nonexistent/b: correct AIRPACK_BUNDLE"),
        ({"AIRPACK_BUNDLE": str(RUNTIME / "airpack_runtime" / "boot.py")}, "it would fail: "),
        ({"AIRPACK_DIGEST": "sha256:00"}, "it would fail: "),
        ({"AIRPACK_DISABLE": "1"}, "nothing is done: AIRPACK_DISABLE is set"),
    ],
)
def test_what_would_fail_is_told_and_not_raised(ask: Ask, variables: Dict[str, str], expected: str) -> None:
    """By the status as well, which a readiness check can use."""
    assert ask(**variables)["boot"].startswith(expected)


def test_what_the_image_has_is_compared(ask: Ask, tmp_path: Path) -> None:
    """Another version that wins, as PYTHONPATH is ahead, and modules that the image's own start has imported."""
    image = tmp_path / "image"
    (image / "alpha-0.9.dist-info").mkdir(parents=True)
    (image / "alpha-0.9.dist-info" / "METADATA").write_text("Name: alpha\nVersion: 0.9\n")
    (image / "alpha.py").write_text("")
    (image / "sitecustomize.py").write_text("import alpha\n")
    facts = ask(PYTHONPATH=f"{RUNTIME}:{image}")
    assert facts["overrides"] == []
    assert facts["shadowed"] == [f"alpha 0.9 from {image} wins over the bundle's 1.0"]
    assert facts["imported before"] == [f"alpha from {image}/alpha.py"]


def test_neither_form_tells_what_gives_access(env: Dict[str, str]) -> None:
    """In the values of variables, in what is wrong with them, and in the names of folders."""
    url = "https://me:hu/sh-hush@host/x.tar?sig=hush#hush"
    variables = dict.fromkeys(("AIRPACK_BUNDLE", "AIRPACK_CACHE_DIR", "AIRPACK_BUNDEL"), url)
    changed = {**env, **variables, "AZUREML_EXTRA_REQUIREMENTS_TXT": url, "PYTHONPATH": str(RUNTIME)}
    for form in ([], ["--json"]):
        done = python("-m", "airpack_runtime", "doctor", *form, env={**changed, "CONDA_PREFIX": url})
        assert done.returncode == 99
        assert "****@host/x.tar?****" in done.stdout
        assert "hush" not in done.stdout + done.stderr
        assert not form or json.loads(done.stdout)["python"]


def test_the_text_fits_a_screen(env: Dict[str, str], golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fact a line or a few, none with a traceback."""
    facts, status = doctor.examine({**env, "AIRPACK_BUNDLE": str(golden)})
    assert status == 0
    text = doctor.render(facts)
    assert len(text.splitlines()) < 45
    assert all(name in text for name in facts)


def _boots(env: Dict[str, str]) -> "tuple[int, str]":
    """Return the exit status of `exec`, and what it says of why it can't boot."""
    done = python("-m", "airpack_runtime", "exec", "--", "true", env=env)
    return done.returncode, done.stderr.partition("airpack: ")[2].partition(EXPLAINED)[0].strip()


def _case(name: str, golden: Path, folder: Path) -> Dict[str, str]:
    """Return the settings of a boot of something else than a bundle, or in another mode."""
    with reader.open_bundle(str(golden)) as bundle:
        digest, target = bundle.digest, bundle.target
        unpack.unpack_into(bundle, str(folder / "tree"))
    (folder / "tree" / layout.TREE_NOTE).write_text(layout.tree_note(target, digest, "0" * 64))
    (folder / "other").mkdir()
    (folder / "other" / layout.TREE_NOTE).write_text(layout.tree_note(target.replace("cp37", "cp36"), digest, "0" * 64))
    (folder / "other" / layout.LIB).mkdir()
    (folder / "plain").mkdir()
    (folder / "results").mkdir()
    shutil.copy(str(golden), str(folder / "results"))
    image = folder / layout.IMAGE_NAMES[0]
    image.write_bytes(b"hsqs" + bytes(5000) if name == "an image for a key" else b"x" * 5000)
    app = {"AIRPACK_BUNDLE": "", "AML_APP_ROOT": str(folder)}
    key = {"AIRPACK_PUBLIC_KEY": SIGNER.public}
    cases = {
        "a tree": {"AIRPACK_BUNDLE": "tree"},
        "a tree by its pin": {"AIRPACK_BUNDLE": "tree", "AIRPACK_DIGEST": digest},
        "a tree for another pin": {"AIRPACK_BUNDLE": "tree", "AIRPACK_DIGEST": f"sha256:{'0' * 64}"},
        "a tree for a key": {"AIRPACK_BUNDLE": "tree", **key},
        "a tree of another Python": {"AIRPACK_BUNDLE": "other"},
        "a tree to unpack": {"AIRPACK_BUNDLE": "tree", "AIRPACK_MODE": "unpack"},
        "a folder of results": {"AIRPACK_BUNDLE": "results"},
        "results for a key": {"AIRPACK_BUNDLE": "results", **key},
        "a folder of nothing": {"AIRPACK_BUNDLE": "plain"},
        "no such mode": {"AIRPACK_BUNDLE": "results", "AIRPACK_MODE": "fast"},
        "an image that isn't there": {"AIRPACK_BUNDLE": "results", "AIRPACK_MODE": "mount"},
        "a tree that isn't there": {"AIRPACK_BUNDLE": "results", "AIRPACK_MODE": "tree"},
        "an image that is none": {"AIRPACK_BUNDLE": image.name},
        "an image for a key": {"AIRPACK_BUNDLE": image.name, **key},
        "a key that is misspelt": {"AIRPACK_BUNDLE": "results", "AIRPACK_DIGST": digest},
        "Azure's folder": {**app, "AZUREML_EXTRA_PYTHON_LIB_PATH": "results"},
        "Azure's folder of packages": {**app, "AZUREML_EXTRA_PYTHON_LIB_PATH": "plain"},
        "Azure's folder for a key": {**app, "AZUREML_EXTRA_PYTHON_LIB_PATH": "plain", **key},
        "no folder of Azure's": {**app, "AZUREML_EXTRA_PYTHON_LIB_PATH": "absent"},
        "no file of Azure's": {**app, "AZUREML_EXTRA_REQUIREMENTS_TXT": "absent.txt"},
    }
    given = cases[name]
    place = given["AIRPACK_BUNDLE"]
    return {**given, "AIRPACK_BUNDLE": str(folder / place)} if place else given


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("a tree", 0),
        ("a tree by its pin", 0),
        ("a tree for another pin", 97),
        ("a tree for a key", 97),
        ("a tree of another Python", 97),
        ("a tree to unpack", 97),
        ("a folder of results", 0),
        ("results for a key", 97),
        ("a folder of nothing", 97),
        ("no such mode", 97),
        ("an image that isn't there", 97),
        ("a tree that isn't there", 97),
        ("an image that is none", 97),
        ("an image for a key", 97),
        ("a key that is misspelt", 97),
        ("Azure's folder", 0),
        ("Azure's folder of packages", 0),
        ("Azure's folder for a key", 97),
        ("no folder of Azure's", 97),
        ("no file of Azure's", 99),
    ],
)
def test_the_doctor_says_what_exec_does(
    name: str, status: int, golden: Path, env: Dict[str, str], tmp_path: Path
) -> None:
    """By its status and with the same words, whatever is given in whatever mode; it leaves nothing behind."""
    changed = {**env, "PYTHONPATH": str(RUNTIME), **_case(name, golden, tmp_path)}
    done = python("-m", "airpack_runtime", "doctor", "--json", env=changed)
    boot_fact = json.loads(done.stdout)["boot"]
    assert not Path(env["AIRPACK_CACHE_DIR"]).exists()
    exec_status, message = _boots(changed)
    assert (exec_status, done.returncode) == (status, status)
    assert boot_fact == f"it would fail: {message}" if status else not boot_fact.startswith("it would fail")


def test_a_full_disk_is_told_before(golden: Path, env: Dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tree takes is compared with what is free, as the boot does: the message is the same."""
    full = os.statvfs("/")
    none = os.statvfs_result([*full[:4], 0, *full[5:]])
    monkeypatch.setattr(os, "statvfs", lambda _: none)
    monkeypatch.setattr(probe, "mounting", lambda: {"mount_in_user_namespace": "EPERM"})
    facts, status = doctor.examine({**env, "AIRPACK_BUNDLE": str(golden)})
    assert status == 97
    assert f"{env['AIRPACK_CACHE_DIR']}/airpack-{os.getuid()}: has 0.0 MB free" in str(facts["boot"])
    monkeypatch.setattr(probe, "mounting", lambda: {"mount_in_user_namespace": "yes"})
    facts, status = doctor.examine({**env, "AIRPACK_BUNDLE": str(golden)})
    assert (status, facts["boot"]) == (0, "it would be unpacked into a tmpfs of its own, by exec alone")


def test_a_path_without_the_shims_folder_is_told(env: Dict[str, str], dropin: Path) -> None:
    """Another PYTHONPATH may have replaced it: what starts so runs without the packages, and nothing else says it."""
    remarks = []
    for path in (dropin, f"/app:{dropin}", "/app"):
        words = str(dropin / "airpack_runtime"), "doctor", "--json"
        done = python(*words, env={**env, "PYTHONPATH": str(path), "AIRPACK_LOG": "off"})
        remarks.append([text for text in json.loads(done.stdout)["problems"] if "doesn't name" in text])
    message = "a Python that starts with these variables has no packages, but by exec"
    assert remarks == [[], [], [f"PYTHONPATH doesn't name {dropin}: {message}"]]
