"""What a process may expect of its Python, with real packages that need it, through the drop-in folder in a sandbox."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack_runtime import layout
from support import machine, sandbox

from .conftest import PACK

pytestmark = pytest.mark.network

# What each is packed for; what they require comes with them.
PACKAGES = (
    "setuptools==68.0.0",  # pkg_resources, and a .pth file that replaces distutils
    "flask==2.2.5",  # a console script, `python -m`; markupsafe's compiled module
    "gunicorn==20.1.0",  # forks, and imports pkg_resources
    "pytest==7.4.4",  # finds plugins by their entry points
    "pytest-cov==4.1.0",  # is one; its .pth file measures child processes
    "future-fstrings==1.2.0",  # a .pth file that registers a codec
    "zope.interface==5.5.2",  # a namespace as pkg_resources makes them,
    "zope.event==4.6",  # with two halves
    "jaraco.classes==3.2.3",  # a namespace of PEP 420,
    "jaraco.context==4.3.0",  # with two halves
    "pytz==2023.3",  # finds its data by __file__
    "certifi==2024.7.4",  # by importlib.resources
    "jsonschema==4.17.3",  # by its backport; and reads its own version
    "joblib==1.3.2",  # starts workers in a way of its own
)
TREE = "/tmp/airpack-1000"

# The user's own files, mounted read-only.
PROGRAMS = {
    "jaraco/own.py": "VALUE = 'own'\n",
    "codec.py": "# -*- coding: future_fstrings -*-\nvalue = 42\nprint(f'{value}')\n",
    "pool.py": """
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        from flask import Flask  # each worker imports this file again

        def work(name):
            return Flask(name).name, multiprocessing.current_process().name != "MainProcess"

        if __name__ == "__main__":
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(2, mp_context=context) as pool:
                print(list(pool.map(work, ["one", "two"])))
        """,
    "answers.py": """
        import os

        def application(environ, start_response):
            from flask import Flask, jsonify  # after the fork, in each worker by itself
            app = Flask(__name__)
            app.add_url_rule("/", "pid", lambda: jsonify(pid=os.getpid()))
            return app(environ, start_response)
        """,
    "serve.py": """
        import json, os, signal, subprocess, sys, threading, urllib.request

        words = ["gunicorn", "-w", "2", "-b", "127.0.0.1:8000", "--chdir", "/app", "answers:application"]
        server = subprocess.Popen(words, stderr=subprocess.PIPE, universal_newlines=True)
        limit = threading.Timer(120, server.kill)
        limit.start()

        def next_worker():
            for line in server.stderr:
                if "Booting worker with pid: " in line:
                    return int(line.split()[-1])
            sys.exit("gunicorn ended")

        def answer():
            with urllib.request.urlopen("http://127.0.0.1:8000/", timeout=60) as response:
                return json.load(response)["pid"]

        first = {next_worker(), next_worker()}
        was_first = answer() in first
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        second = {next_worker(), next_worker()}
        was_second = answer() in second - first
        server.terminate()
        server.stderr.read()
        print(was_first, was_second, server.wait(20))
        limit.cancel()
        """,
    "measured.py": "print('measured')\n",
    "test_measured.py": """
        import subprocess, sys

        def test_a_child():
            assert subprocess.check_output([sys.executable, "/app/measured.py"]) == b"measured\\n"
        """,
    "generations.py": """
        import subprocess, sys

        import flask

        left = int(sys.argv[1])
        print(flask.__file__, flush=True)
        if left:
            subprocess.check_call(["sh", "-c", '"$0" /app/generations.py "$1"', sys.executable, str(left - 1)])
        """,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """A secured image with the drop-in folder, and a `/tmp` that keeps what the first start unpacked."""

    dist: Path
    app: Path
    tmp: Path
    first_start: list[subprocess.CompletedProcess[str]] = field(default_factory=list)

    def run(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run `words` with the drop-in folder on PYTHONPATH."""
        return self.start(words, {"PYTHONPATH": "/dist/dropin", **(env or {})})

    def execute(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `words` by the shim's `exec`, without the drop-in folder."""
        shim = ["python3.7", "/dist/airpack-runtime.pyz", "exec", "--bundle", f"/dist/{layout.BUNDLE_NAME}", "--"]
        return self.start([*shim, *words], {})

    def start(self, words: list[str] | tuple[str, ...], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run `words` with this environment."""
        mounts = {"/dist": self.dist, "/app": self.app}
        told = {"AIRPACK_LOG": "", **env}  # as where it isn't set
        return sandbox.run(machine.python37().path, words, mounts=mounts, env=told, tmp=self.tmp)

    def printed(self, program: str, env: Mapping[str, str] | None = None) -> str:
        """Return what a Python program prints; fail if it writes an error, or anything of a boot."""
        done = self.run("python3.7", "-c", textwrap.dedent(program), env=env)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Return the packages, packed once, in an image that has started once."""
    folder = tmp_path_factory.mktemp("behaviour")
    dist, app, tmp = folder / "dist", folder / "app", folder / "tmp"
    assert main([*PACK, "--no-import", *PACKAGES, "-o", str(dist)]) == 0
    assert main(["shim", "-q", "-o", str(dist / "airpack-runtime.pyz")]) == 0
    assert main(["shim", "-q", "-o", str(dist / "dropin")]) == 0
    shutil.copy(dist / layout.BUNDLE_NAME, dist / "dropin")
    for name, text in PROGRAMS.items():
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text(textwrap.dedent(text))
    tmp.mkdir()
    tmp.chmod(0o1777)
    image = Image(dist=dist, app=app, tmp=tmp)
    image.first_start.append(image.run("python3.7", "-c", "import flask; print(flask.__file__)"))
    return image


def test_the_first_start_tells_of_itself_and_the_next_are_silent(image: Image) -> None:
    """One line for what was unpacked, where, and what it took."""
    (first,) = image.first_start
    assert (first.returncode, first.stdout.startswith(f"{TREE}/")) == (0, True)
    digest = json.loads((image.dist / "manifest.json").read_text())["bundle"]["digest"].removeprefix("sha256:")
    line = rf"airpack: unpacked: {TREE}/{digest} \(sha256:{digest[:12]}, unpinned; \d+\.\d MB, [a-z0-9., ]+ ms\)\n"
    assert re.fullmatch(line, first.stderr)
    assert image.printed("import flask; print(flask.__file__)") == first.stdout


def test_every_generation_of_children_finds_the_tree_of_the_first(image: Image) -> None:
    """Through a shell in between; what the first found, the others inherit."""
    done = image.run("python3.7", "/app/generations.py", "2", env={"AIRPACK_LOG": "json"})
    assert (done.returncode, len(set(done.stdout.split()))) == (0, 1)
    assert done.stdout.startswith(f"{TREE}/")
    logged = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["strategy"] for line in logged] == ["cached", "inherited", "inherited"]


def test_exec_logs_one_line_for_all_it_starts(image: Image) -> None:
    """The Pythons below it say nothing, and find the packages."""
    done = image.execute("python3.7", "/app/generations.py", "1")
    assert (done.returncode, len(set(done.stdout.split()))) == (0, 1)
    assert re.fullmatch(r"airpack: cached: .* ms\)\n", done.stderr)


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_multiprocessing_workers_import_compiled_modules(image: Image, method: str) -> None:
    """Markupsafe's `escape` is C; a spawned worker is a fresh interpreter that unpickles it by name."""
    program = f"""
        import multiprocessing
        from markupsafe import _speedups
        with multiprocessing.get_context("{method}").Pool(2) as pool:
            print(*pool.map(_speedups.escape, ["<", ">"]))
        """
    assert image.printed(program) == "&lt; &gt;\n"


def test_a_process_pool_spawns_workers_that_import_the_program(image: Image) -> None:
    """concurrent.futures, with a main module that imports Flask."""
    done = image.run("python3.7", "/app/pool.py")
    assert (done.stdout, done.stderr) == ("[('one', True), ('two', True)]\n", "")


def test_joblib_starts_its_own_kind_of_workers(image: Image) -> None:
    """Loky forks and executes `python -m joblib...`, as scikit-learn's n_jobs does."""
    program = """
        import os, joblib, pytz
        workers = joblib.Parallel(n_jobs=2, backend="loky")
        zones = workers(joblib.delayed(pytz.timezone)(each) for each in ["UTC", "CET"])
        pids = workers(joblib.delayed(os.getpid)() for _ in range(2))
        print(*zones, os.getpid() in pids)
        """
    assert image.printed(program) == "UTC CET False\n"


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["flask", "--version"], "Python 3.7.16\nFlask 2.2.5\nWerkzeug 2.2.3\n"),
        (["pytest", "--version"], "pytest 7.4.4\n"),
        (["certifi"], f"{TREE}/DIGEST/lib/python3.7/site-packages/certifi/cacert.pem\n"),
    ],
)
def test_python_m_runs_modules_of_the_tree(image: Image, words: list[str], printed: str) -> None:
    """Packages with a `__main__`."""
    done = image.run("python3.7", "-m", *words)
    output = re.sub("[0-9a-f]{64}", "DIGEST", done.stdout)
    assert (re.sub(r"^Python 3\.7\.\d+", "Python 3.7.16", output), done.stderr) == (printed, "")


def test_console_scripts_are_on_the_path_of_a_program(image: Image) -> None:
    """Without the tree's `bin` named anywhere; they run under the Python that found it."""
    program = """
        import subprocess, sys
        print(subprocess.check_output(["pytest", "--version"], universal_newlines=True), end="")
        print(subprocess.check_output(["sh", "-c", "gunicorn --version"], universal_newlines=True), end="")
        """
    assert image.printed(program) == "pytest 7.4.4\ngunicorn (version 20.1.0)\n"


def test_exec_runs_console_scripts_by_name_or_in_a_shell(image: Image) -> None:
    """As an image's start command would."""
    assert image.execute("pytest", "--version").stdout == "pytest 7.4.4\n"
    assert image.execute("sh", "-c", "gunicorn --version").stdout == "gunicorn (version 20.1.0)\n"


def test_plugins_are_found_by_their_entry_points(image: Image) -> None:
    """Pytest asks importlib.metadata, whose backport 3.7 needs, for what is installed."""
    done = image.run("python3.7", "-m", "pytest", "--version", "--version")
    assert re.search(
        rf"^  pytest-cov-4\.1\.0 at {TREE}/\w+/lib/python3\.7/site-packages/pytest_cov/plugin\.py$",
        done.stdout,
        re.MULTILINE,
    )


def test_a_package_reads_its_own_version(image: Image) -> None:
    """Jsonschema --version asks the metadata of what is installed."""
    assert image.run("python3.7", "-W", "ignore", "-m", "jsonschema", "--version").stdout == "4.17.3\n"


def test_the_standard_librarys_metadata_finds_plugins_too(tmp_path: Path) -> None:
    """importlib.metadata itself, which Python 3.8 brought: under the Python that runs this test."""
    tag = f"cp3{sys.version_info[1]}"
    wanted = ["pytest==8.3.5", "pytest-timeout==2.3.1", "--target", f"{tag}-manylinux_2_17_x86_64"]
    assert main([*PACK, "--no-import", "--no-bytecode", *wanted, "-o", str(tmp_path / "dist")]) == 0
    assert main(["shim", "-q", "-o", str(tmp_path / "dropin")]) == 0
    shutil.copy(tmp_path / "dist" / layout.BUNDLE_NAME, tmp_path / "dropin")
    env = {"PATH": os.defpath, "PYTHONPATH": str(tmp_path / "dropin"), "AIRPACK_CACHE_DIR": str(tmp_path / "cache")}
    words = [sys.executable, "-m", "pytest", "--version", "--version"]
    done = subprocess.run(words, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert f"  pytest-timeout-2.3.1 at {tmp_path}/cache/" in done.stdout


def test_pkg_resources_loads_an_entry_point(image: Image) -> None:
    """By gunicorn, which asks it for what an `egg:` URI names."""
    program = """
        import warnings
        warnings.simplefilter("ignore")
        import pkg_resources
        from gunicorn import util
        print(util.load_class("egg:jsonschema#jsonschema", section="console_scripts"))
        print(pkg_resources.require("flask")[0].location)
        """
    function, location = image.printed(program).splitlines()
    assert function.startswith("<function main at ")
    assert location.startswith(f"{TREE}/")


def test_a_namespace_of_pkg_resources_has_both_halves(image: Image) -> None:
    """Each of zope.interface and zope.event brings a .pth file that makes `zope`."""
    program = """
        import zope.event, zope.interface
        from zope.interface import _zope_interface_coptimizations as compiled
        print(zope.interface.implementer is not None, zope.event.subscribers, compiled.__file__.endswith(".so"))
        """
    assert image.printed(program) == "True [] True\n"


def test_a_namespace_package_spans_the_tree_and_the_program(image: Image) -> None:
    """PEP 420: two halves from wheels, and a module of the user's own on PYTHONPATH."""
    program = """
        import jaraco.classes.properties, jaraco.context, jaraco.own
        print(jaraco.own.VALUE, len(jaraco.__path__))
        """
    assert image.printed(program, {"PYTHONPATH": "/dist/dropin:/app"}) == "own 2\n"


def test_a_pth_file_registers_a_codec_before_the_program_is_read(image: Image) -> None:
    """A source in the encoding `future_fstrings` can't even be parsed without."""
    done = image.run("python3.7", "/app/codec.py")
    assert (done.stdout, done.stderr) == ("42\n", "")


def test_a_pth_file_replaces_distutils(image: Image) -> None:
    """As it does wherever setuptools is installed; modules of the standard library are not shadowed otherwise."""
    assert image.printed("import distutils; print(distutils.__file__)").endswith("/setuptools/_distutils/__init__.py\n")


def test_a_pth_file_measures_child_processes(image: Image) -> None:
    """pytest-cov starts coverage in children, which nothing but its .pth file could."""
    words = ["-p", "no:cacheprovider", "--cov=measured", "--cov-report=term", "/app/test_measured.py"]
    done = image.run("sh", "-c", 'cd /tmp && exec python3.7 -m pytest "$@"', "sh", *words)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^/app/measured\.py +1 +0 +100%$", done.stdout, re.MULTILINE), done.stdout


def test_data_files_are_found_beside_their_module(image: Image) -> None:
    """Pytz opens its zones by `__file__`."""
    program = """
        import datetime, pytz
        print(pytz.timezone("Europe/Berlin").utcoffset(datetime.datetime(2023, 7, 1)), len(pytz.all_timezones) > 500)
        """
    assert image.printed(program) == "2:00:00 True\n"


def test_data_files_are_found_by_importlib_resources(image: Image) -> None:
    """Certifi gives a path that OpenSSL reads; jsonschema loads its schemas by the backport."""
    program = """
        import ssl, certifi, jsonschema
        print(len(ssl.create_default_context(cafile=certifi.where()).get_ca_certs()) > 100)
        validator = jsonschema.Draft7Validator({"type": "string"})
        print(validator.is_valid("a"), validator.META_SCHEMA["$id"])
        """
    assert image.printed(program) == "True\nTrue http://json-schema.org/draft-07/schema#\n"


def test_gunicorns_forked_workers_are_replaced_and_answer(image: Image) -> None:
    """Both of two are killed; those that follow import Flask and answer on loopback."""
    done = image.run("python3.7", "/app/serve.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "True True 0\n", "")


def test_what_has_run_left_the_tree_as_it_was(image: Image) -> None:
    """All of the above, where it ran: `verify` compares every file with the bundle, and replaces none.

    What pytest keeps beside the modules of its plugin, which it rewrites, no import reads.
    """
    words = ["python3.7", "/dist/airpack-runtime.pyz", "verify", "--bundle", f"/dist/dropin/{layout.BUNDLE_NAME}"]
    done = image.start(words, {})
    assert (re.sub("[0-9a-f]{64}", "DIGEST", done.stdout), done.stderr) == (
        f"{TREE}/DIGEST: checked; left 5 files in __pycache__ that no import reads\n",
        "",
    )
