"""The drop-in folder on PYTHONPATH: what every interpreter does when it starts."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import pytest
from airpack_runtime import layout
from airpack_runtime.format import reader
from airpack_runtime.provide import mount, unpack

from .conftest import RUNTIME, bundle_of, lacking, needs_target, python, told

pytestmark = needs_target


@pytest.fixture
def dropped(env: Dict[str, str], dropin: Path) -> Dict[str, str]:
    """Return the environment of a process with the drop-in on its path."""
    return {**env, "PYTHONPATH": str(dropin)}


def test_the_packages_are_there(dropped: Dict[str, str]) -> None:
    """Cold and warm alike; `.pth` files count."""
    for _ in range(2):
        done = python("-c", "import alpha, sys, gamma_inner; print(alpha.VALUE, sys.gamma_was_here)", env=dropped)
        assert (done.returncode, done.stdout, done.stderr) == (0, "41 True\n", "")


def test_the_standard_library_is_not_shadowed(dropped: Dict[str, str]) -> None:
    """The tree lies behind the standard library on the path."""
    program = (
        "import sys, os; place = [i for i, entry in enumerate(sys.path) if '/cache/' in entry]; "
        "print(place[0] > sys.path.index(os.path.dirname(os.__file__)))"
    )
    assert python("-c", program, env=dropped).stdout == "True\n"


def test_console_scripts_run_under_the_same_interpreter(dropped: Dict[str, str]) -> None:
    """`bin` is on PATH, and a script starts the interpreter that activated it."""
    program = (
        "import subprocess; print(subprocess.check_output(['alpha-hello']), subprocess.check_output(['beta-script']))"
    )
    done = python("-c", program, env=dropped)
    assert (done.stdout, done.stderr) == ("b'alpha 41\\n' b'beta 41\\n'\n", "")


def test_another_python_is_left_alone(dropped: Dict[str, str], dropin: Path) -> None:
    """A process of another version sees no change at all, cold or warm."""
    import shutil

    other = shutil.which("python3")
    version = subprocess.check_output([other or "", "-c", "import sys; print(sys.version_info[:2])"], env={})
    if other is None or version.strip() == repr(sys.version_info[:2]).encode():
        pytest.skip("there is no other Python 3 on PATH")
    for _ in range(2):
        program = "import sys; print([p for p in sys.path if 'cache' in p])"
        done = subprocess.run(
            [other, "-c", program], env=dropped, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True
        )
        assert (done.stdout, done.stderr) == (b"[]\n", b"")


def test_a_missing_bundle_ends_the_process(dropped: Dict[str, str], dropin: Path) -> None:
    """A program must not run on without its packages."""
    (dropin / "bundle.tar.zst").unlink()
    done = python("-c", "print('ran')", env=dropped)
    assert done.stdout == ""
    hint = "put it beside the shim, or set AIRPACK_BUNDLE to its path"
    assert told(done) == f"airpack: no bundle at {dropin}/bundle.tar.zst: {hint}"
    command = done.stderr.rpartition("explained by: ")[2]
    explained = subprocess.run(["sh", "-c", command], env=dropped, stdout=subprocess.PIPE, check=False)
    assert explained.returncode == 97
    assert f"it would fail: no bundle at {dropin}/bundle.tar.zst" in explained.stdout.decode()


def test_a_damaged_bundle_ends_the_process(dropped: Dict[str, str], dropin: Path) -> None:
    """One line, no traceback."""
    data = (dropin / "bundle.tar.zst").read_bytes()
    (dropin / "bundle.tar.zst").write_bytes(data[:1000])
    done = python("-c", "print('ran')", env=dropped)
    assert (done.returncode, done.stdout) == (97, "")
    assert done.stderr.startswith("airpack: ") and done.stderr.count("\n") == 1


def test_the_images_own_sitecustomize_still_runs(tmp_path: Path, dropped: Dict[str, str]) -> None:
    """The shim's hides it on the path, and so runs it."""
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "sitecustomize.py").write_text("import sys; sys.image_ran = __name__\n")
    dropped["PYTHONPATH"] += f":{tmp_path / 'image'}"
    done = python("-c", "import sys, alpha; print(sys.image_ran)", env=dropped)
    assert (done.stdout, done.stderr) == ("sitecustomize\n", "")


WRAPPER = """
import os, sys
entries = [{folder!r}, *filter(None, [os.environ.get("PYTHONPATH")])]
os.environ["PYTHONPATH"] = os.pathsep.join(entries)
os.execv(sys.executable, [sys.executable, "-c", "import sys, alpha; print(sys.wrapped, alpha.VALUE)"])
"""


@pytest.mark.parametrize("how", ["drop-in", "exec"])
def test_a_wrapper_with_a_sitecustomize_of_its_own_has_the_packages(
    tmp_path: Path, dropped: Dict[str, str], golden: Path, how: str
) -> None:
    """It puts it in front of PYTHONPATH for the program that it becomes, as opentelemetry-instrument does."""
    (tmp_path / "wrapper").mkdir()
    text = "import alpha, sys\nsys.wrapped = alpha.VALUE\n"
    (tmp_path / "wrapper" / "sitecustomize.py").write_text(text)
    words = ["-c", WRAPPER.format(folder=str(tmp_path / "wrapper"))]
    if how == "exec":
        dropped["PYTHONPATH"] = str(RUNTIME)
        words = ["-m", "airpack_runtime", "exec", "--bundle", str(golden), "--", sys.executable, *words]
    done = python(*words, env=dropped)
    assert (done.returncode, done.stdout, done.stderr) == (0, "41 41\n", "")


def test_the_path_for_children_is_set_as_any_variable(dropped: Dict[str, str], dropin: Path) -> None:
    """The shim's folder stays first, so that children find the packages as in a virtual environment; it never grows."""
    program = """
        import os, subprocess, sys
        for value in ("/a", "", f"/a:{FOLDER}:/b", f"{FOLDER}:/a", f"/b:{FOLDER}"):
            os.environ["PYTHONPATH"] = value
            print(os.environ["PYTHONPATH"].replace(FOLDER, "SHIM"), flush=True)
            subprocess.check_call([sys.executable, "-c", "import alpha"])
        try:
            os.environ["PYTHONPATH"] = 1
        except TypeError:
            print(dict(os.environ.copy())["PATH"] == os.environ["PATH"])
        """
    done = python("-c", f"FOLDER = {str(dropin)!r}\n{textwrap.dedent(program)}", env=dropped)
    assert (done.stdout, done.stderr) == ("SHIM:/a\nSHIM\nSHIM:/a:/b\nSHIM:/a\nSHIM:/b\nTrue\n", "")


def test_a_spawned_child_has_the_packages(tmp_path: Path, dropped: Dict[str, str]) -> None:
    """A child of multiprocessing's spawn is a fresh interpreter."""
    program = tmp_path / "spawn.py"
    program.write_text(
        textwrap.dedent(
            """
            import multiprocessing

            def work(number):
                import alpha
                return alpha.VALUE + number

            if __name__ == "__main__":
                with multiprocessing.get_context("spawn").Pool(2) as pool:
                    print(pool.map(work, [1, 2]))
            """
        )
    )
    done = python(str(program), env=dropped)
    assert (done.stdout, done.stderr) == ("[42, 43]\n", "")


def test_eight_at_once_unpack_once(dropped: Dict[str, str]) -> None:
    """The first takes the lock, the others wait and use its tree."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", "import alpha; print(alpha.__file__)"], env=dropped, stdout=subprocess.PIPE
        )
        for _ in range(8)
    ]
    answers = {process.communicate(timeout=60)[0] for process in running}
    assert {process.returncode for process in running} == {0}
    assert len(answers) == 1


def test_a_sitecustomize_that_cannot_start_says_so_in_one_line(dropped: Dict[str, str]) -> None:
    """Without any folder to unpack into, the status is the image's own for missing packages."""
    done = python("-c", "print('ran')", env={**dropped, "AIRPACK_BUNDLE": "/nonexistent/bundle"})
    assert done.stdout == ""
    assert told(done) == "airpack: no bundle at /nonexistent/bundle: correct AIRPACK_BUNDLE or --bundle"


def test_two_dropins_on_one_path_do_not_call_each_other_forever(tmp_path: Path, dropped: Dict[str, str]) -> None:
    """The shim's exec under a drop-in, or a folder and a link to it."""
    (tmp_path / "link").symlink_to(dropped["PYTHONPATH"])
    inside = RUNTIME / "airpack_runtime" / "dropin"
    dropped["AIRPACK_BUNDLE"] = dropped["PYTHONPATH"] + "/bundle.tar.zst"
    dropped["PYTHONPATH"] = f"{inside}:{dropped['PYTHONPATH']}:{tmp_path / 'link'}:{inside}"
    done = python("-c", "import alpha; print(alpha.VALUE)", env=dropped)
    assert (done.returncode, done.stdout, done.stderr) == (0, "41\n", "")


def test_a_closed_standard_error_does_not_hide_the_failure(dropped: Dict[str, str], dropin: Path) -> None:
    """The status tells it."""
    (dropin / "bundle.tar.zst").unlink()
    line = 'exec 2>&-; "$0" -c "print(1)"'
    done = subprocess.run(["sh", "-c", line, sys.executable], env=dropped, stdout=subprocess.PIPE, check=False)
    assert (done.returncode, done.stdout) == (97, b"")


SEES = "import importlib.util; print(importlib.util.find_spec('alpha') is not None)"


@pytest.mark.parametrize(("value", "seen"), [("1", "False"), ("yes", "False"), ("0", "True"), ("", "True")])
def test_it_can_be_disabled(dropped: Dict[str, str], cache_folder: Path, value: str, seen: str) -> None:
    """By AIRPACK_DISABLE: nothing is unpacked, nothing told."""
    done = python("-c", SEES, env={**dropped, "AIRPACK_LOG": "text", "AIRPACK_DISABLE": value})
    assert (done.stdout, done.stderr == "", cache_folder.exists()) == (f"{seen}\n", seen == "False", seen == "True")


def test_disabled_it_does_not_even_fail(tmp_path: Path, dropped: Dict[str, str]) -> None:
    """Without a bundle; and the image's own sitecustomize still runs."""
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "sitecustomize.py").write_text("import sys; sys.image_ran = True\n")
    dropped.update(AIRPACK_DISABLE="1", AIRPACK_BUNDLE="/nonexistent/bundle")
    dropped["PYTHONPATH"] += f":{tmp_path / 'image'}"
    done = python("-c", "import sys; print(sys.image_ran)", env=dropped)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def _installed(words: Sequence[str], env: Dict[str, str]) -> str:
    """Return what this pip lists as installed, and what it writes to standard error."""
    settings = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_CONFIG_FILE": os.devnull}
    line = [*words, "list", "--format=freeze"]
    done = subprocess.run(
        line, env={**env, **settings}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [["-m", "pip"], ["-W", "ignore", "-Xutf8", "-m", "pip"], ["-mpip"], ["-Wignore", "-um", "pip"], ["bin/pip"]],
    ids=" ".join,
)
def test_pip_is_left_alone(dropped: Dict[str, str], words: List[str]) -> None:
    """It lists what it lists without the drop-in; else it would upgrade and remove what is in the tree."""
    script = Path(sys.executable).with_name("pip")
    if not script.exists():
        lacking("pip", "run the tests in a venv that was made with it")
    line = [str(script)] if words == ["bin/pip"] else [sys.executable, *words]
    dropped["AIRPACK_LOG"] = "text"
    without = _installed(line, {"PATH": dropped["PATH"]})
    assert "pip==" in without
    assert _installed(line, dropped) == without


@pytest.mark.parametrize("words", [["conda", "activate"], ["-m", "conda"], ["-m", "mamba"], ["mamba"]], ids=" ".join)
def test_conda_is_left_alone(tmp_path: Path, dropped: Dict[str, str], words: List[str]) -> None:
    """It finds its environments by `sys.prefix`, and an image's start script may call it."""
    for name in ("conda", "mamba", "conda.py", "mamba.py"):
        (tmp_path / name).write_text(
            "import importlib.util, sys\n"
            "print(sys.prefix == sys.base_prefix, importlib.util.find_spec('alpha') is None)\n"
        )
    line = [sys.executable, *words]
    env = {**dropped, "PYTHONPATH": dropped["PYTHONPATH"] + os.pathsep + str(tmp_path)}
    done = subprocess.run(line, env=env, cwd=str(tmp_path), stdout=subprocess.PIPE, timeout=60, check=True)
    own = subprocess.check_output([sys.executable, "conda"], cwd=str(tmp_path), env={})
    assert done.stdout == own
    assert own.endswith(b" True\n")


@pytest.mark.parametrize(
    "words",
    [
        *(["pipeline.py"], ["pip-audit"], ["pip3d_server.py"], ["pip.serving.py"], ["pip3.py"], ["pip_3"]),
        *(["other.py", "-m", "pip"], ["-c", f"{SEES}  # see /etc/pip.conf"], ["-uc", f"{SEES}  # see /bin/pip"]),
        *(["-", "pip"], ["-u", "-", "pip"], ["--", "pipeline.py", "pip"], ["-u", "--", "pipeline.py", "pip"]),
    ],
    ids=" ".join,
)
def test_what_is_not_pip_has_its_packages(tmp_path: Path, dropped: Dict[str, str], words: List[str]) -> None:
    """Whatever its name begins with, and whatever pip has to do with its text and its arguments."""
    if not words[0].startswith("-") or "--" in words:
        (tmp_path / words[words.index("--") + 1 if "--" in words else 0]).write_text(SEES)
    done = subprocess.run(
        [sys.executable, *words],
        input=SEES,
        env=dropped,
        cwd=str(tmp_path),
        stdout=subprocess.PIPE,
        universal_newlines=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "True\n"


def test_a_failure_may_be_survived(tmp_path: Path, dropped: Dict[str, str]) -> None:
    """With AIRPACK_ON_ERROR=continue: the same line, then the program without its packages, and the hidden module."""
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "sitecustomize.py").write_text("import sys; sys.image_ran = True\n")
    dropped["AIRPACK_BUNDLE"] = "/nonexistent/bundle"
    failed = python("-c", SEES, env=dropped)
    dropped["AIRPACK_ON_ERROR"] = "continue"
    dropped["PYTHONPATH"] += f":{tmp_path / 'image'}"
    done = python("-c", f"{SEES}; import sys; print(sys.image_ran)", env=dropped)
    assert (done.returncode, done.stdout) == (0, "False\nTrue\n")
    assert told(failed) == "airpack: no bundle at /nonexistent/bundle: correct AIRPACK_BUNDLE or --bundle"
    assert done.stderr == f"{told(failed)}\n"


# Prints a line of JSON of itself, then starts a child that does, in the folder and with the changes that it is given.
GENERATION = """
import json, os, shutil, subprocess, sys
try:
    import alpha
except ImportError:
    alpha = None
tree = [entry for entry in sys.path if entry.startswith(os.environ["AIRPACK_CACHE_DIR"])]
read = "airpack_runtime.format.reader" in sys.modules
print(json.dumps({"alpha": alpha is not None, "tree": tree, "read": read, "path": os.environ["PATH"]}), flush=True)
if len(sys.argv) > 1:
    for place in json.loads(sys.argv[1])["remove"]:
        os.unlink(place) if os.path.isfile(place) else shutil.rmtree(place)
    env = dict(os.environ, **json.loads(sys.argv[1])["env"])
    subprocess.check_call([sys.executable, "-c", os.environ["GENERATION"]], env=env, cwd="/")
"""


def _generations(
    env: Dict[str, str], *, remove: Sequence[Path] = (), cwd: Optional[Path] = None, **changes: str
) -> Tuple[List[Dict[str, Any]], List[str]]:
    """Start a process that removes files, then a child of it; return what they tell, and how they were booted."""
    env = {**env, "AIRPACK_LOG": "json", "GENERATION": GENERATION}
    words = json.dumps({"remove": [str(path) for path in remove], "env": changes})
    done = python("-c", GENERATION, words, env=env, cwd=cwd)
    assert done.returncode == 0, done.stderr
    strategies = [json.loads(line)["strategy"] for line in done.stderr.splitlines()]
    return [json.loads(line) for line in done.stdout.splitlines()], strategies


def test_it_is_activated_once_for_a_process_and_its_children(dropped: Dict[str, str], cache_folder: Path) -> None:
    """A child takes the tree from its parent: it has no note to find it by, and doesn't read the bundle."""
    python("-c", "pass", env=dropped)
    notes = list(cache_folder.glob("*.seen"))
    assert len(notes) == 1
    (parent, child), strategies = _generations(dropped, remove=notes)
    assert strategies == ["cached", "inherited"]
    assert (child["alpha"], child["read"]) == (True, False)
    assert (child["tree"], child["path"]) == (parent["tree"], parent["path"])
    assert not notes[0].exists()


# At the shim's root, but not for a warm start: the command line with its commands, and what every error is of.
ENTRY_POINTS, ON_FAILURE = {"__init__", "__main__", "commands", "execute"}, {"errors"}


@pytest.mark.parametrize("log", [None, "off"])
@pytest.mark.parametrize("inherited", [False, True], ids=["cached", "inherited"])
def test_a_warm_start_imports_all_of_the_root_and_nothing_else(
    dropped: Dict[str, str], log: Optional[str], inherited: bool
) -> None:
    """Each module takes its time at each start of Python: what is cold lies in folders, where it can be seen."""
    python("-c", "pass", env=dropped)
    env = {name: text for name, text in dropped.items() if name != "AIRPACK_LOG"}
    if log is not None:
        env["AIRPACK_LOG"] = log
    program = "import sys; print(sorted(name[16:] for name in sys.modules if name.startswith('airpack_runtime.')))"
    words = ["-c", program]
    if inherited:
        words = ["-c", "import subprocess, sys; subprocess.call([sys.executable, '-c', sys.argv[1]])", program]
    done = python(*words, env=env)
    root = {path.stem for path in (RUNTIME / "airpack_runtime").glob("*.py")}
    assert root >= ENTRY_POINTS | ON_FAILURE
    assert (done.stdout, done.stderr) == (f"{sorted(root - ENTRY_POINTS - ON_FAILURE)}\n", "")


def test_a_warm_start_imports_nothing_slow(dropped: Dict[str, str]) -> None:
    """In Python 3.7, `typing` alone takes as long as all of the shim does."""
    python("-c", "pass", env=dropped)
    program = "import sys; print(sorted(name for name in sys.modules if not name.startswith('airpack_runtime')))"
    plain = set(ast.literal_eval(python("-c", program, env={"PATH": dropped["PATH"]}).stdout))
    found = set(ast.literal_eval(python("-c", program, env=dropped).stdout))
    own = {"sitecustomize", "usercustomize", "fcntl", "time"}  # the second is made, not imported
    own.add("__future__")  # only where its sources run as they are
    assert found - plain - {"_locale", "_bootlocale"} == own  # those read the `.pth` file of the tree


def test_a_tree_that_is_gone_is_made_again_for_a_child(dropped: Dict[str, str], cache_folder: Path) -> None:
    """What a parent knew isn't believed, but looked at."""
    python("-c", "pass", env=dropped)
    trees = [path for path in cache_folder.iterdir() if path.is_dir()]
    (_, child), strategies = _generations(dropped, remove=trees)
    assert strategies == ["cached", "unpacked"]
    assert (child["alpha"], child["read"]) == (True, True)


def test_a_bundle_that_was_replaced_is_read_by_a_child(tmp_path: Path, dropped: Dict[str, str], dropin: Path) -> None:
    """Under the same name: its stat is another."""
    other = bundle_of(tmp_path / "other.tar.zst", {"delta.py": b"VALUE = 43\n"})
    program = (
        "import os, subprocess, sys, alpha; os.replace(sys.argv[1], sys.argv[2]); "
        "print(subprocess.check_output([sys.executable, '-c', 'import delta; print(delta.VALUE)']))"
    )
    done = python("-c", program, str(other), str(dropin / "bundle.tar.zst"), env=dropped)
    assert (done.stdout, done.stderr) == ("b'43\\n'\n", "")


def test_a_child_may_be_given_another_bundle(tmp_path: Path, dropped: Dict[str, str]) -> None:
    """By AIRPACK_BUNDLE; it then sees nothing of its parent's on `sys.path`."""
    other = bundle_of(tmp_path / "other.tar.zst", {"delta.py": b"VALUE = 43\n"})
    (parent, child), strategies = _generations(dropped, AIRPACK_BUNDLE=str(other))
    assert strategies == ["unpacked", "unpacked"]
    assert (parent["alpha"], child["alpha"]) == (True, False)
    assert len(child["tree"]) == 1
    assert child["tree"] != parent["tree"][:1]


def test_a_relative_bundle_is_found_by_children_elsewhere(dropped: Dict[str, str], dropin: Path) -> None:
    """AIRPACK_BUNDLE is made absolute for them."""
    dropped["AIRPACK_BUNDLE"] = "bundle.tar.zst"
    (_, child), strategies = _generations(dropped, cwd=dropin)
    assert (strategies, child["alpha"]) == (["unpacked", "inherited"], True)


def test_a_relative_path_of_the_folder_reaches_children_elsewhere(dropped: Dict[str, str], dropin: Path) -> None:
    """Its entry of PYTHONPATH is made absolute for them, and no other."""
    program = (
        "import os, subprocess, sys; print(os.environ['PYTHONPATH'], flush=True); os.chdir('/'); "
        "subprocess.run([sys.executable, '-c', 'import alpha; print(alpha.VALUE)'])"
    )
    dropped["PYTHONPATH"] = f"other:./{dropin.name}/:"
    done = python("-c", program, env=dropped, cwd=dropin.parent)
    assert (done.stdout, done.stderr) == (f"other:{dropin}:\n41\n", "")


def test_a_pin_binds_children_too(dropped: Dict[str, str]) -> None:
    """What a parent activated without one isn't good enough for a child that has one."""
    program = (
        "import os, subprocess, sys, alpha; env = dict(os.environ, AIRPACK_DIGEST='0' * 64); "
        "print(subprocess.call([sys.executable, '-c', 'print(1)'], env=env))"
    )
    done = python("-c", program, env=dropped)
    assert done.stdout == "97\n"
    assert done.stderr.count("\n") == 1


def _other_pythons() -> List[str]:
    """Return Pythons 3 of other versions, one of each: on PATH, or from pyenv."""
    places = [Path(each) for each in os.environ.get("PATH", os.defpath).split(os.pathsep) if "shims" not in each]
    root = Path(os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv")))
    places += sorted(root.glob("versions/3*/bin"))
    found: Dict[str, str] = {}
    for place in places:
        for path in place.glob("python3.*"):
            version = path.name[len("python") :]
            if version.replace(".", "", 1).isdigit() and version != "{}.{}".format(*sys.version_info[:2]):
                found.setdefault(version, str(path))
    return [found[version] for version in sorted(found)] or [""]


@pytest.mark.parametrize("other", _other_pythons(), ids=os.path.basename)
def test_other_versions_do_nothing_and_fast(tmp_path: Path, dropped: Dict[str, str], other: str) -> None:
    """They say nothing even when asked to log, import nothing that reads bundles, and run the hidden module."""
    if not other:
        lacking("a Python 3 of another version", "install one with pyenv")
    program = """
import json, os, sys
print(json.dumps([sys.image_ran, os.environ.get("AIRPACK_ACTIVE"), os.environ["PATH"], sys.path]))
print(sorted({"_hashlib", "ctypes", "json", "zlib", "airpack_runtime.format.reader"} & before))
"""
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "sitecustomize.py").write_text("import sys; sys.image_ran = True\n")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "sitecustomize.py").write_text("")
    program = "import sys; before = set(sys.modules)" + program
    python("-c", "pass", env=dropped)
    outputs = []
    for first in (dropped["PYTHONPATH"], str(tmp_path / "plain")):
        env = {**dropped, "AIRPACK_LOG": "text", "PYTHONPATH": f"{first}:{tmp_path / 'image'}"}
        if first.endswith("plain"):
            env["PYTHONPATH"] = f"{tmp_path / 'image'}:{first}"
        done = subprocess.run(
            [other, "-c", program], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=True
        )
        outputs.append((done.stdout.decode().replace(first, "FIRST"), done.stderr.decode()))
    told, plain = outputs
    assert told[1] == plain[1] == ""
    facts = json.loads(told[0].splitlines()[0])
    assert facts[:3] == [True, None, dropped["PATH"]]
    assert not [entry for entry in facts[3] if "/airpack-{}/".format(os.getuid()) in entry]
    assert told[0].splitlines()[1] == plain[0].splitlines()[1]


def test_a_path_file_of_the_image_reaches_isolated_pythons(
    env: Dict[str, str], dropin: Path, tmp_path: Path, cache_folder: Path
) -> None:
    """As `docs/boot.md` has it: `-I`, `-E` and an empty environment change nothing; pip is left alone."""
    image = tmp_path / "image"
    assert python("-m", "venv", "--without-pip", str(image), env=env).returncode == 0
    packages = image / "lib" / "python{}.{}".format(*sys.version_info) / "site-packages"
    lines = "{0}\nimport airpack_runtime.startup; airpack_runtime.startup.start({0!r})\n"
    (packages / "airpack.pth").write_text(lines.format(str(dropin)))
    used = "any(entry.startswith({!r}) for entry in sys.path)".format(env["AIRPACK_CACHE_DIR"])
    (packages / "pip.py").write_text("import sys; print('alpha' in sys.modules, {})".format(used))
    own = {"AIRPACK_CACHE_DIR": env["AIRPACK_CACHE_DIR"]}
    for words in (["-I"], ["-E"], []):
        line = [str(image / "bin" / "python"), *words, "-c", "import alpha; print(alpha.VALUE)"]
        assert subprocess.check_output(line, env=own) == b"41\n"
    assert subprocess.check_output([line[0], "-m", "pip"], env=own) == b"False False\n"
    (dropin / "bundle.tar.zst").unlink()
    assert subprocess.run([*line[:1], "-I", "-c", ""], env=own, stderr=subprocess.DEVNULL, check=False).returncode == 97


@pytest.mark.alone
def test_a_mounted_image_is_inherited_and_found_again(
    dropped: Dict[str, str], dropin: Path, golden: Path, tmp_path: Path, cache_folder: Path
) -> None:
    """One beside the bundle: children take their parent's mount, and later starts are as silent as others."""
    if os.getuid() or shutil.which("mksquashfs") is None:
        lacking("mksquashfs and the right to mount", "run the tests as root, and apt-get install squashfs-tools")
    with reader.open_bundle(str(golden)) as bundle:
        unpack.unpack(bundle, str(tmp_path / "tree"))
        note = f'{{\n  "target": "{bundle.target}",\n  "digest": "sha256:{bundle.digest}"\n}}\n'
    (tmp_path / "tree" / layout.TREE_NOTE).write_text(note)
    line = ["mksquashfs", str(tmp_path / "tree"), str(dropin / "bundle.squashfs"), "-quiet", "-no-progress"]
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
    try:
        (_, child), strategies = _generations(dropped)
        assert strategies == ["squashfs by a loop device", "inherited"]
        assert child["alpha"]
        del dropped["AIRPACK_LOG"]
        assert python("-c", "import alpha", env=dropped).stderr == ""
    finally:
        for place in cache_folder.glob("image-*"):
            if os.path.ismount(str(place)):
                mount.unmount(str(place))
