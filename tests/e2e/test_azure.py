"""The real inference server in a stand-in for Azure ML's prebuilt image, given its packages in each way there is.

The image holds Python 3.7 and the server's packages; the code is read-only, the user is not root, and there is
no network but loopback. Every prediction is asked for over HTTP.
"""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack_runtime import layout
from support import azure_image, machine
from support.azure_image import APP, ENVIRONMENT, FIXTURE, SERVE, START, Boot, Contents, Image
from support.wheels import build_wheel

from .conftest import PACK

pytestmark = pytest.mark.network

CACHE = "/tmp/airpack-1000"
SHIM = "airpack-runtime.pyz"
ENTRY = f"{APP}/score.py"
# How a deployment whose start command is its own starts the server.
EXEC = ("python", f"{APP}/{SHIM}", "exec", "--", "azmlinfsrv", "--entry_script", ENTRY, "--port", "31311")
LIB_PATH, REQUIREMENTS, CONDA = (
    f"AZUREML_EXTRA_{each}" for each in ("PYTHON_LIB_PATH", "REQUIREMENTS_TXT", "CONDA_YAML")
)
PREFIX = "leave mymodel/ out, the path begins at the entry script's folder"
MODELS = f"the model's folder {azure_image.MODEL}: put it beside the entry script instead"
ENTRY_WITH_ALPHA = """
    import alpha

    def init():
        pass

    def run(raw_data):
        return alpha.VERSION
    """
AT_ONCE = 45.0  # seconds, for which the image waits before it ends
MakeApp = Callable[[Contents], Path]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where everything lies."""
    return tmp_path_factory.mktemp("azure")


@pytest.fixture(scope="module")
def science(target_python: None, science: Path) -> Path:
    """Return what packing scikit-learn and pandas gives: results, drop-in folder, plain tree, shim."""
    assert main(["shim", "-q", "-o", str(science.parent / SHIM)]) == 0
    return science.parent


@pytest.fixture(scope="module")
def everything(target_python: None, folder: Path) -> Path:
    """Return what packing the server, scikit-learn and pandas together gives."""
    words = [*PACK, "--no-import"]
    for fixture in ("server", "science"):
        words += ["-r", str(machine.FIXTURES / fixture / "requirements.txt")]
    assert main([*words, "-o", str(folder / "everything")]) == 0
    return folder / "everything"


@pytest.fixture(scope="module")
def model(folder: Path, science: Path) -> Path:
    """Return a folder with the model, trained with the packages of the bundle."""
    made = folder / "model"
    made.mkdir()
    shim = [str(machine.python37().path), str(science / SHIM), "exec", "--tree", str(science / "tree")]
    done = machine.run([*shim, "--", "python", str(FIXTURE / "train.py"), str(made)])
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def image(folder: Path, everything: Path, model: Path) -> Image:
    """Return the image: the server and what it requires alone are in its environment."""
    azure_image.build_environment(folder / "environment", everything / layout.WHEELHOUSE)
    assert not list((folder / "environment").glob("lib/python3.7/site-packages/sklearn"))
    return Image(environment=folder / "environment", model=model)


@pytest.fixture
def app(tmp_path: Path) -> MakeApp:
    """Return what makes the code's folder, of the entry script and further files: path to content, or what to copy."""
    return lambda contents: azure_image.write_code(tmp_path / "code", contents)


@pytest.fixture
def tmp(tmp_path: Path) -> Iterator[Path]:
    """Return a `/tmp` that outlives a container."""
    made = tmp_path / "tmp"
    made.mkdir()
    yield made
    shutil.rmtree(made)


def _assert_answers(boot: Boot, packages: str, server: str = f"{ENVIRONMENT}/lib/python3.7/site-packages") -> None:
    """Check the prediction and where packages are from: the server's are the image's."""
    azure_image.assert_answers(boot, packages, server)


def _assert_ended(boot: Boot, status: int, *said: str) -> None:
    """Check that the start ended before the server ran, with this status and these lines, and left the machine not."""
    parts = [line.partition("; explained by: AIRPACK_ON_ERROR=continue ") for line in boot.said]
    assert (boot.status, boot.exit, [part[0] for part in parts]) == (None, status, list(said)), boot.output
    assert all((" doctor" in part[2]) is (status == 97) for part in parts)
    assert "Azure ML Inferencing HTTP server" not in boot.output
    assert (boot.seconds < AT_ONCE, boot.abroad) == (True, [])


def test_the_image_is_as_bare_and_as_locked_as_it_should_be(image: Image, app: MakeApp) -> None:
    """Another user than root, nothing writable but /tmp, loopback alone, and of the packages only the server's."""
    program = f"""
        import errno, os
        print(os.getuid(), [line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:]])
        for folder in ("{APP}", "{ENVIRONMENT}/lib/python3.7/site-packages", "/", "/tmp"):
            try:
                open(folder + "/new", "w").close()
                print("written")
            except OSError as error:
                print(errno.errorcode[error.errno])
        import azureml_inference_server_http
        for name in ("numpy", "pandas", "sklearn"):
            try:
                __import__(name)
                print("imported")
            except ImportError:
                print("none")
        """
    boot = image.boot(app({}), ["python", "-c", textwrap.dedent(program)])
    assert (boot.exit, boot.abroad) == (0, [])
    assert boot.output == "1000 ['lo']\nEROFS\nEROFS\nEROFS\nwritten\nnone\nnone\nnone\n"


# The start script of the images until 2024, and none since.


def test_the_dropin_through_the_lib_path(image: Image, science: Path, app: MakeApp, tmp: Path) -> None:
    """One folder beside the entry script and one variable; the next start finds the tree that the first unpacked."""
    code = app({"extras": science / "extras"})
    first = image.boot(code, START, {LIB_PATH: "extras"}, tmp=tmp)
    _assert_answers(first, f"{CACHE}/DIGEST/lib/python3.7/site-packages")
    assert [line.partition(" (")[0] for line in first.said] == [f"airpack: unpacked: {_tree(science)}"]
    second = image.boot(code, START, {LIB_PATH: "extras"}, tmp=tmp)
    _assert_answers(second, f"{CACHE}/DIGEST/lib/python3.7/site-packages")
    assert second.said == []


def test_the_dropin_through_pythonpath(image: Image, science: Path, app: MakeApp) -> None:
    """As an image since 2024 needs it, whose start script reads no variable."""
    boot = image.boot(app({"extras": science / "extras"}), SERVE, {"PYTHONPATH": f"{APP}/extras"})
    _assert_answers(boot, f"{CACHE}/DIGEST/lib/python3.7/site-packages")
    assert [line.partition(" (")[0] for line in boot.said] == [f"airpack: unpacked: {_tree(science)}"]


def test_the_plain_tree_through_the_lib_path(image: Image, science: Path, app: MakeApp) -> None:
    """Microsoft's own method, with the tree that `pack --tree` writes: nothing of airpack runs."""
    boot = image.boot(app({"extras": science / "tree"}), START, {LIB_PATH: "extras/lib/python3.7/site-packages"})
    _assert_answers(boot, f"{APP}/extras/lib/python3.7/site-packages")
    assert boot.said == []


def test_an_entry_script_in_a_subfolder(image: Image, science: Path, app: MakeApp) -> None:
    """The variable is relative to its folder, in the start script as in `exec`."""
    code = app({"service/score.py": FIXTURE / "score.py", "service/extras": science / "extras", SHIM: science / SHIM})
    (code / "score.py").unlink()
    env = {LIB_PATH: "extras", "AZUREML_ENTRY_SCRIPT": "service/score.py"}
    _assert_answers(image.boot(code, START, env), f"{CACHE}/DIGEST/lib/python3.7/site-packages")
    words = [f"{APP}/service/score.py" if word == ENTRY else word for word in EXEC]
    _assert_answers(image.boot(code, words, env), f"{CACHE}/DIGEST/lib/python3.7/site-packages")


def test_workers_that_are_killed_are_replaced(image: Image, science: Path, app: MakeApp) -> None:
    """Three of gunicorn's, all killed; the one that answers then took the place of one of them."""
    boot = image.boot(app({"extras": science / "extras"}), START, {LIB_PATH: "extras", "WORKER_COUNT": "3"}, kill=True)
    _assert_answers(boot, f"{CACHE}/DIGEST/lib/python3.7/site-packages")
    assert (len(boot.workers), len(boot.workers_then)) == (3, 3)
    assert set(boot.workers).isdisjoint(boot.workers_then)
    assert boot.answer["worker"] in boot.workers_then
    assert len(boot.said) == 1  # the tree was looked for once


def test_a_bundle_of_which_bytes_are_missing_ends_the_start(image: Image, science: Path, app: MakeApp) -> None:
    """Before the server runs, with the image's status for packages that are missing."""
    code = app({"extras": science / "extras"})
    bundle = code / "extras" / layout.BUNDLE_NAME
    content = bundle.read_bytes()
    bundle.unlink()
    bundle.write_bytes(content[: len(content) // 2])
    boot = image.boot(code, START, {LIB_PATH: "extras"})
    path = f"{APP}/extras/{layout.BUNDLE_NAME}"
    (line,) = (each.partition("; explained by: ")[0] for each in boot.said)
    assert line.startswith(f"airpack: {path}: ")
    assert line.endswith("; copy it again from where it was packed")
    _assert_ended(boot, 97, line)


@pytest.mark.parametrize(
    ("env", "status", "said"),
    [
        ({LIB_PATH: "extra"}, 97, f"The folder of {LIB_PATH} does not exist: {APP}/extra"),
        ({LIB_PATH: "extra", REQUIREMENTS: "wants.txt"}, 97, f"The folder of {LIB_PATH} does not exist: {APP}/extra"),
        ({REQUIREMENTS: "needs.txt"}, 99, f"The file of {REQUIREMENTS} does not exist: {APP}/needs.txt"),
    ],
    ids=["no folder", "no folder, but a file", "no file"],
)
def test_the_start_script_ends_as_the_images_does(
    image: Image, app: MakeApp, env: dict[str, str], status: int, said: str
) -> None:
    """Without airpack: the folder goes before the file, and each has its status."""
    boot = image.boot(app({"wants.txt": "scikit-learn\n"}), START, env)
    _assert_ended(boot, status)
    assert boot.output == f"{said}\n"


def test_the_start_script_would_ask_the_network(image: Image, app: MakeApp) -> None:
    """What airpack spares: pip, which asks for a name, and fails; and the trace shows such a call."""
    boot = image.boot(app({"wants.txt": "scikit-learn==1.0.2\n"}), START, {REQUIREMENTS: "wants.txt"})
    assert (boot.status, boot.exit) == (None, 95)
    assert "No matching distribution found for scikit-learn==1.0.2" in boot.output
    assert boot.abroad != []


# The shim's exec, which reads the variables itself, in any image.


@pytest.mark.parametrize(
    ("kind", "lib_path", "how"),
    [
        ("extras", "extras", "unpacked"),
        ("tree", "extras", "a tree that is there"),
        ("tree", "extras/lib/python3.7/site-packages", "a folder of packages"),
        ("dist/bundle.tar.zst", "extras", "unpacked"),
    ],
)
def test_exec_takes_the_lib_path(image: Image, science: Path, app: MakeApp, kind: str, lib_path: str, how: str) -> None:
    """The drop-in folder, the plain tree, the packages in it, as Microsoft's own method has them, or the bundle."""
    boot = image.boot(app({"extras": science / kind, SHIM: science / SHIM}), EXEC, {LIB_PATH: lib_path})
    _assert_answers(boot, f"{f'{CACHE}/DIGEST' if how == 'unpacked' else f'{APP}/extras'}/lib/python3.7/site-packages")
    (line,) = boot.said
    assert line.startswith(f"airpack: {how}: ")


def test_exec_with_requirements_that_the_bundle_meets(image: Image, science: Path, app: MakeApp) -> None:
    """Those of the science fixture, and a package that the image has already: nothing is installed."""
    requirements = "# comments, markers\nscikit-learn==1.0.2\npandas>=1.3 ; python_version < '3.8'\nflask<2.3\n"
    contents: Contents = {
        "wants.txt": requirements,
        SHIM: science / SHIM,
        layout.BUNDLE_NAME: science / "dist/bundle.tar.zst",
    }
    boot = image.boot(app(contents), EXEC, {REQUIREMENTS: "wants.txt"})
    _assert_answers(boot, f"{CACHE}/DIGEST/lib/python3.7/site-packages")
    assert [line.partition(" (")[0] for line in boot.said] == [f"airpack: unpacked: {_tree(science)}"]


def test_exec_with_requirements_that_the_wheelhouse_meets(image: Image, science: Path, app: MakeApp, tmp: Path) -> None:
    """The image's pip installs from the folder beside the file, once; the next start finds what it installed."""
    house = science / "dist" / layout.WHEELHOUSE
    contents: Contents = {
        "wants.txt": "scikit-learn==1.0.2\npandas==1.3.5\n",
        layout.WHEELHOUSE: house,
        SHIM: science / SHIM,
    }
    code = app(contents)
    for how in ("installed by pip from a wheelhouse", "installed before"):
        boot = image.boot(code, EXEC, {REQUIREMENTS: "wants.txt"}, tmp=tmp)
        (line,) = boot.said
        place = re.match(rf"airpack: {how}: ({CACHE}/requirements-[0-9a-f]+) \(", line)
        assert place is not None, line
        _assert_answers(boot, f"{place[1]}/lib/python3.7/site-packages")


def test_exec_with_requirements_that_the_image_meets(image: Image, science: Path, app: MakeApp) -> None:
    """There is nothing to provide: the server starts at once, and the entry script lacks what it didn't ask for."""
    boot = image.boot(app({"wants.txt": "flask\n", SHIM: science / SHIM}), EXEC, {REQUIREMENTS: "wants.txt"})
    assert (boot.said, boot.abroad) == ([], [])
    assert "Azure ML Inferencing HTTP server v0.8.4.2" in boot.output
    assert "No module named 'pandas'" in boot.output


def test_exec_with_both_variables(image: Image, science: Path, app: MakeApp) -> None:
    """The folder wins, even though the file isn't there, and a line says so."""
    contents: Contents = {"extras": science / "extras", SHIM: science / SHIM}
    boot = image.boot(app(contents), EXEC, {LIB_PATH: "extras", REQUIREMENTS: "nowhere.txt"})
    _assert_answers(boot, f"{CACHE}/DIGEST/lib/python3.7/site-packages")
    assert boot.said[0] == (
        f"airpack: both {LIB_PATH} and {REQUIREMENTS} are set: the first wins, as in the image; unset one of them"
    )


def test_exec_with_a_conda_file(image: Image, science: Path, app: MakeApp) -> None:
    """It isn't read; a line says so, and the bundle beside the shim boots."""
    contents: Contents = {
        layout.BUNDLE_NAME: science / "dist/bundle.tar.zst",
        SHIM: science / SHIM,
        "conda.yml": "name: env\n",
    }
    boot = image.boot(app(contents), EXEC, {CONDA: "conda.yml"})
    _assert_answers(boot, f"{CACHE}/DIGEST/lib/python3.7/site-packages")
    assert boot.said[0] == (
        f"airpack: {CONDA} is set, and conda files are not handled: pack what it names, from PyPI, into the bundle"
    )


@pytest.mark.parametrize(
    ("env", "status", "said"),
    [
        ({LIB_PATH: "extra"}, 97, "{}/extra does not exist; there is {}/extras"),
        ({LIB_PATH: "extras/lib"}, 97, "{}/extras/lib does not exist; {}/extras does, with no similar name in it"),
        ({LIB_PATH: "mymodel/extras"}, 97, f"{{}}/mymodel/extras does not exist; extras does: {PREFIX}"),
        ({LIB_PATH: "model.pkl"}, 97, f"{{}}/model.pkl does not exist; it lies in {MODELS}"),
        ({REQUIREMENTS: "want.txt"}, 99, "{}/want.txt does not exist; there is {}/wants.txt"),
        ({REQUIREMENTS: "mymodel/wants.txt"}, 99, f"{{}}/mymodel/wants.txt does not exist; wants.txt does: {PREFIX}"),
    ],
)
def test_exec_ends_with_the_images_status_and_says_what_is_meant(
    image: Image, science: Path, app: MakeApp, env: dict[str, str], status: int, said: str
) -> None:
    """At once, where the image would ask the network, and then wait for 45 seconds."""
    contents: Contents = {"extras/empty": "", "wants.txt": "", SHIM: science / SHIM}
    ((variable, value),) = env.items()
    line = f"airpack: {variable}={value}: {said.replace('{}', APP)}"
    _assert_ended(image.boot(app(contents), EXEC, env), status, line)


def test_requirements_that_cannot_be_met_end_with_95(image: Image, science: Path, app: MakeApp) -> None:
    """All that isn't, in one line, at once."""
    contents: Contents = {"wants.txt": "scikit-learn==1.0.2\nflask>=3\npip\n", SHIM: science / SHIM}
    line = (
        f"airpack: {APP}/wants.txt can't be met without a network: scikit-learn==1.0.2: there is none; "
        "flask>=3: there is 2.2.5: pack it anew from that file, or put a folder wheelhouse beside it"
    )
    _assert_ended(image.boot(app(contents), EXEC, {REQUIREMENTS: "wants.txt"}), 95, line)


@pytest.mark.parametrize(
    ("requirements", "said"),
    [
        ("alpha==1.0\nbeta==2\n", "beta==2: it has none: add wheels"),
        ("alpha==1.1\n", "alpha==1.1: it has 1.0: add wheels"),
        ("alpha==1.0\n", "Could not find a version that satisfies the requirement beta (from alpha)"),
    ],
    ids=["a distribution", "a version", "what another requires"],
)
def test_a_wheelhouse_that_lacks_a_wheel_ends_with_95(
    image: Image, science: Path, app: MakeApp, tmp_path: Path, requirements: str, said: str
) -> None:
    """The first two are seen before pip starts; that something is missing which another requires, pip tells."""
    build_wheel(tmp_path / "house", "alpha", requires=["beta"])
    contents: Contents = {"wants.txt": requirements, layout.WHEELHOUSE: tmp_path / "house", SHIM: science / SHIM}
    boot = image.boot(app(contents), EXEC, {REQUIREMENTS: "wants.txt"})
    (line,) = boot.said
    assert line.startswith(f"airpack: {APP}/wants.txt can't be installed from {APP}/wheelhouse: ")
    assert said in line
    _assert_ended(boot, 95, line)


@pytest.mark.parametrize(
    "contents",
    [
        {"wants.txt": "--extra-index-url https://pypi.example.org/simple\nalpha\n"},
        {"wants.txt": "-i https://pypi.example.org/simple\n-f https://pypi.example.org/\nalpha\n"},
        {"wants.txt": "alpha\n", ".config/pip/pip.conf": "[install]\nfind-links = https://pypi.example.org/\n"},
    ],
    ids=["extra index", "index", "settings of pip"],
)
def test_an_index_that_is_named_is_not_asked(
    image: Image, science: Path, app: MakeApp, tmp_path: Path, contents: dict[str, str]
) -> None:
    """Whether by the file, which means it for the build machine as well, or by the user's settings of pip."""
    build_wheel(tmp_path / "house", "alpha")
    code = app({**contents, layout.WHEELHOUSE: tmp_path / "house", SHIM: science / SHIM})
    boot = image.boot(code, _python("import alpha"), {REQUIREMENTS: "wants.txt", "HOME": APP})
    assert (boot.exit, boot.abroad) == (0, []), boot.output


def test_a_wheelhouse_may_lack_what_the_image_has(
    image: Image, science: Path, app: MakeApp, tmp_path: Path, tmp: Path
) -> None:
    """As `pack --skip-installed` leaves it out: the image's own pip would take that as met."""
    build_wheel(tmp_path / "house", "alpha", requires=["flask>=2"])
    contents: Contents = {"wants.txt": "alpha\nwerkzeug\n", layout.WHEELHOUSE: tmp_path / "house", SHIM: science / SHIM}
    words = _python("import alpha, flask; print(alpha.__file__, flask.__file__)")
    boot = image.boot(app(contents), words, {REQUIREMENTS: "wants.txt"}, tmp=tmp)
    assert re.search(rf"{CACHE}/\S+/alpha\S+ {ENVIRONMENT}/\S+/flask/", boot.output), boot.output
    assert not list(tmp.rglob("*flask*")), "what pip was told of the image's stays out of the tree"
    assert (boot.exit, boot.abroad) == (0, []), boot.output


@pytest.mark.parametrize(
    "changed", ["alpha==1.0 --hash=sha256:" + "0" * 64, "-c limits.txt\nalpha==1.0"], ids=["a hash", "a constraint"]
)
def test_what_was_installed_before_is_not_taken_for_a_file_that_forbids_it(
    image: Image, science: Path, app: MakeApp, tmp_path: Path, tmp: Path, changed: str
) -> None:
    """A hash that no wheel has, or a constraint, was added since: pip is asked anew, and refuses."""
    build_wheel(tmp_path / "house", "alpha")
    contents: Contents = {"wants.txt": "alpha==1.0\n", "limits.txt": "alpha<1\n"}
    code = app({**contents, layout.WHEELHOUSE: tmp_path / "house", SHIM: science / SHIM})
    words, env = _python("import alpha"), {REQUIREMENTS: "wants.txt"}
    assert image.boot(code, words, env, tmp=tmp).exit == 0
    (code / "wants.txt").write_text(f"{changed}\n")
    boot = image.boot(code, words, env, tmp=tmp)
    assert (boot.exit, len(boot.said)) == (95, 1), boot.output


def test_exec_around_the_images_own_start_script(image: Image, science: Path, app: MakeApp, tmp_path: Path) -> None:
    """What exec has done for the variables, the script need not do again: its pip would ask the network."""
    build_wheel(tmp_path / "house", "alpha")
    contents: Contents = {"wants.txt": "alpha\n", "score.py": ENTRY_WITH_ALPHA}
    code = app({**contents, layout.WHEELHOUSE: tmp_path / "house", SHIM: science / SHIM})
    boot = image.boot(code, [*EXEC[:4], *START], {REQUIREMENTS: "wants.txt"})
    assert (boot.status, boot.abroad) == (200, []), boot.output


# What the bundle overrides.

OVERRIDING = """
    import numpy
    import pandas
    import werkzeug

    def init():
        pass

    def run(raw_data):
        return {each.__name__: [each.__version__, each.__file__] for each in (werkzeug, numpy, pandas)}
    """


@pytest.fixture(scope="module")
def older(folder: Path, model: Path) -> Image:
    """Return an image that has an older numpy and pandas beside the server."""
    had = ("pandas==1.1.5", "numpy==1.19.5")
    words = [*PACK, "--no-import", "-r", str(machine.FIXTURES / "server" / "requirements.txt"), *had]
    assert main([*words, "-o", str(folder / "older")]) == 0
    house = folder / "older" / layout.WHEELHOUSE
    azure_image.build_environment(folder / "older-environment", house, (azure_image.SERVER, *had))
    return Image(environment=folder / "older-environment", model=model)


@pytest.fixture(scope="module")
def overriding(folder: Path) -> Path:
    """Return what packing newer versions of what that image has gives: `dist`, and the drop-in folder `extras`."""
    made = folder / "overriding"
    wanted = ["werkzeug==2.2.2", "numpy==1.21.6", "pandas==1.3.5"]
    assert main([*PACK, "--no-import", *wanted, "-o", str(made / "dist"), "--drop-in", str(made / "extras")]) == 0
    return made


@pytest.mark.parametrize("variable", [LIB_PATH, "PYTHONPATH", "exec"])
def test_the_bundles_versions_win_over_the_images(
    older: Image, overriding: Path, app: MakeApp, folder: Path, variable: str
) -> None:
    """Werkzeug, which the server itself runs on, numpy and pandas."""
    contents: Contents = {"score.py": OVERRIDING, "extras": overriding / "extras"}
    if variable == "exec":
        assert main(["shim", "-q", "-o", str(folder / SHIM)]) == 0
        bundle = overriding / "dist" / layout.BUNDLE_NAME
        contents = {"score.py": OVERRIDING, layout.BUNDLE_NAME: bundle, SHIM: folder / SHIM}
    env = {LIB_PATH: {LIB_PATH: "extras"}, "PYTHONPATH": {"PYTHONPATH": f"{APP}/extras"}}.get(variable, {})
    boot = older.boot(app(contents), EXEC if variable == "exec" else START, env)
    assert boot.status == 200, boot.output
    assert {name: version for name, (version, _) in boot.answer.items()} == {
        "werkzeug": "2.2.2",
        "numpy": "1.21.6",
        "pandas": "1.3.5",
    }
    assert all(file.startswith(CACHE) for _, file in boot.answer.values()), boot.answer
    assert [line for line in boot.said if "breaks" in line] == []


def test_what_breaks_the_server_is_told_at_boot(image: Image, app: MakeApp, folder: Path) -> None:
    """By one line above the server's own traceback, which names an import deep inside Flask."""
    made = folder / "breaking"
    assert main([*PACK, "--no-import", "werkzeug==2.0.3", "-o", str(made), "--drop-in", f"{made}-extras"]) == 0
    boot = image.boot(app({"extras": Path(f"{made}-extras")}), START, {LIB_PATH: "extras"})
    assert boot.status is None, boot.output
    assert boot.said[1:] == [
        "airpack: this breaks what the image has: Flask 2.2.5 needs Werkzeug>=2.2.2, and gets 2.0.3"
    ]


# The server out of a bundle.


def test_the_server_itself_boots_from_a_bundle(science: Path, everything: Path, model: Path, app: MakeApp) -> None:
    """With scikit-learn and pandas, 51 distributions, one of them built here, on a Python 3.7 that has nothing."""
    wheels = sorted(path.name for path in (everything / layout.WHEELHOUSE).glob("*.whl"))
    assert len(wheels) == 51
    assert [name[:23] for name in wheels if name.startswith("wrapt-")] == ["wrapt-1.12.1-cp37-cp37m"]
    manifest = json.loads((everything / "manifest.json").read_text())
    assert len(manifest["packages"]) == 51
    code = app({layout.BUNDLE_NAME: everything / layout.BUNDLE_NAME, SHIM: science / SHIM})
    boot = Image(environment=None, model=model).boot(code, EXEC)
    packages = f"{CACHE}/DIGEST/lib/python3.7/site-packages"
    _assert_answers(boot, packages, packages)


def _python(program: str) -> list[str]:
    """Return what runs a program instead of the server, through the shim."""
    return [*EXEC[:4], "python", "-c", program]


def _tree(science: Path) -> str:
    digest = json.loads((science / "dist" / "manifest.json").read_text())["bundle"]["digest"]
    return f"{CACHE}/{digest.removeprefix('sha256:')}"
