"""The drop-in folder on PYTHONPATH: what every interpreter does when it starts."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Dict

import pytest

from .conftest import RUNTIME, needs_target, python

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
    assert (done.returncode, done.stdout) == (97, "")
    hint = "put it beside the shim, or set AIRPACK_BUNDLE to where it is"
    assert done.stderr == f"airpack: no bundle at {dropin}/bundle.tar.zst: {hint}\n"


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
    assert (done.returncode, done.stdout) == (97, "")
    assert done.stderr == "airpack: no bundle at /nonexistent/bundle: correct AIRPACK_BUNDLE or --bundle\n"


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
