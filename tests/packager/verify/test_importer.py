"""Modules are imported in processes of their own, contained and ended."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from airpack.verify import importer as importer_module
from airpack.verify.importer import Failure, Importer
from support import machine
from support.airpack import Airpack
from support.bundles import SITE_PACKAGES
from support.wheels import build_wheel


@pytest.mark.slow
def test_an_interrupt_ends_the_imports(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """At once, with all that they have started; nothing is left."""
    own = f"61.{os.getpid():07}"  # another run's processes are not this one's
    code = f"import subprocess, time\nsubprocess.Popen(['sleep', '{own}'], start_new_session=True)\ntime.sleep({own})\n"
    build_wheel(wheels, "one", files={"one.py": code})
    index = ["--no-index", "--find-links", str(wheels), "--decoder", str(airpack.decoder)]
    line = [sys.executable, "-m", "airpack", "pack", "one", *index, "-o", str(airpack.output)]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for text in process.stderr:
            if text.startswith("compress"):
                break
        deadline = time.monotonic() + 120
        while own not in machine.processes() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert own in machine.processes()
        process.terminate()
        assert process.wait(50) == 130
    assert not airpack.output.exists()
    assert own not in machine.processes()


@pytest.mark.slow
def test_a_process_that_a_module_starts_is_ended(airpack: Airpack, wheels: Path) -> None:
    """When the import has ended."""
    own = f"62.{os.getpid():07}"
    build_wheel(wheels, "one", files={"one.py": f"import subprocess\nsubprocess.Popen(['sleep', '{own}'])\n"})
    assert airpack.pack("one", "--strict") == 0
    assert own not in machine.processes()


@pytest.mark.parametrize("contained", [None, []])
def test_a_process_is_ended_before_the_next_import(
    tmp_path: Path, contained: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nothing contains them."""
    if contained is not None:
        monkeypatch.setattr(importer_module, "_contained", lambda: contained)
    own = f"63.{os.getpid():07}"
    code = f"import subprocess\nsubprocess.Popen(['sleep', '{own}'])\n"
    with importing(tmp_path, one=code, two="") as importer:
        assert next(importer.attempts(["one"])).failure is None
        assert own not in machine.processes()
        assert next(importer.attempts(["two"])).failure is None


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_the_bundle_is_booted_as_the_image_would(airpack: Airpack, wheels: Path) -> None:
    """Its `.pth` files count, its packages find each other; no network, home, or package of this machine does."""
    code = """
import os, socket, sys, two
assert sys.pth_ran
assert "pytest" not in sys.modules
assert not any(path.endswith("-packages") for path in sys.path[:-1]), sys.path
assert os.environ["HOME"] == os.getcwd() and not os.listdir(".")
try:
    import pip
except ImportError:
    pass
else:
    raise AssertionError(pip)
try:
    socket.create_connection(("127.0.0.1", 9), 1)
except OSError as error:
    import errno
    assert error.errno == errno.ENETUNREACH, error
"""
    build_wheel(wheels, "one", files={"one.py": code, "one.pth": "import sys; sys.pth_ran = True\n"}, requires=["two"])
    build_wheel(wheels, "two")
    assert airpack.pack("one") == 0
    assert "import one fails here" not in airpack.err
    assert "import two fails here" not in airpack.err
    assert "import         2 modules" in airpack.err


@contextmanager
def importing(tmp_path: Path, *, hidden: Sequence[str] = (), **modules: str) -> Iterator[Importer]:
    """Give an importer of a tree with these modules, by their code, under Python 3.7."""
    tree, scratch = tmp_path / "tree", tmp_path / "scratch"
    (tree / SITE_PACKAGES).mkdir(parents=True)
    scratch.mkdir()
    for name, code in modules.items():
        (tree / SITE_PACKAGES / f"{name}.py").write_text(code)
    importer = Importer(tree, machine.python37(), scratch, hidden=hidden)
    try:
        yield importer
    finally:
        importer.stop()


@pytest.fixture
def imported(tmp_path: Path) -> Iterator[Callable[[str], Failure | None]]:
    """Return a function that imports a module with the given code, from a tree of its own, under Python 3.7."""
    tree = tmp_path / "tree"
    numbers = itertools.count()

    with importing(tmp_path) as importer:

        def imported(code: str) -> Failure | None:
            module = f"module{next(numbers)}"
            (tree / SITE_PACKAGES / f"{module}.py").write_text(code)
            (failure,) = (attempt.failure for attempt in importer.attempts([module]))
            assert failure is None or failure.module == module
            return failure

        yield imported


def test_a_module_that_can_be_imported_is_no_failure(imported: Callable[[str], Failure | None]) -> None:
    """Under the interpreter that was given."""
    assert imported("import sys\nassert sys.version_info[:2] == (3, 7)\n") is None


@pytest.mark.parametrize("base", ["types.ModuleType", "object"])
def test_what_a_module_would_load_later_is_not_loaded(tmp_path: Path, base: str) -> None:
    """Its `__dict__` may be a property that loads all that it can, as apipkg has it."""
    code = (
        f"import sys, types\nclass Lazy({base}):\n    @property\n    def __dict__(self):\n        import absent\n"
        "sys.modules['lazy'] = Lazy('lazy') if Lazy.__base__ is not object else Lazy()\n"
    )
    with importing(tmp_path, one=code) as importer:
        (attempt,) = importer.attempts(["one"])
    assert attempt.failure is None
    assert attempt.loaded == (f"{SITE_PACKAGES}/one.py",)


@pytest.mark.parametrize(
    ("code", "error"), [("", None), ("raise ValueError(1)", "ValueError: 1"), ("os._exit(3)", "the")]
)
def test_an_import_is_timed(tmp_path: Path, code: str, error: str | None) -> None:
    """The module's own time, also where it fails or ends its process."""
    with importing(tmp_path, one=f"import os, time\ntime.sleep(0.1)\n{code}\n") as importer:
        began = time.monotonic()
        (attempt,) = importer.attempts(["one"])
    assert 0.1 <= attempt.seconds <= time.monotonic() - began
    assert (attempt.failure and attempt.failure.error.split(" process")[0]) == error


def test_a_failure_names_the_modules_that_are_missing(imported: Callable[[str], Failure | None]) -> None:
    """All along the chain of causes, the last error first."""
    failure = imported("try:\n    import absent\nexcept ImportError:\n    import lacking.part\n")
    assert failure is not None
    assert failure.error == "ModuleNotFoundError: No module named 'lacking'"
    assert failure.missing == ("lacking", "absent")
    assert not failure.lacks_library


def test_a_failure_tells_of_a_missing_library(imported: Callable[[str], Failure | None]) -> None:
    """By the dynamic loader's own words."""
    failure = imported("import ctypes\nctypes.CDLL('libabsent.so.7')\n")
    assert failure is not None
    assert failure.error == ("OSError: libabsent.so.7: cannot open shared object file: No such file or directory")
    assert (failure.missing, failure.lacks_library) == ((), True)


def test_a_library_that_the_image_is_not_known_to_have_is_hidden(tmp_path: Path) -> None:
    """As if this machine had none: by the same words; what Python itself needs stays, as do others of the system."""
    libraries = {"one": "libgcc_s.so.1", "two": "libstdc++.so.6", "three": "libz.so.1"}
    modules = {name: f"import ctypes\nctypes.CDLL({library!r})\n" for name, library in libraries.items()}
    with importing(tmp_path, hidden=["libgcc_s.so.1", "libc.so.6", "libz.so.1"], **modules) as importer:
        one, two, three = (next(importer.attempts([name])).failure for name in modules)
    assert one is not None
    assert one.error == "OSError: libgcc_s.so.1: cannot open shared object file: No such file or directory"
    assert one.lacks_library
    assert two is not None  # it needs the hidden one itself
    assert two.error == one.error
    assert three is None


def test_a_long_error_is_cut(imported: Callable[[str], Failure | None]) -> None:
    """After 300 characters."""
    failure = imported("raise ValueError('x' * 1000)\n")
    assert failure is not None
    assert failure.error == "ValueError: " + "x" * 288 + "..."


def test_a_process_that_crashes_is_a_failure(imported: Callable[[str], Failure | None]) -> None:
    """With the signal's name."""
    failure = imported("import ctypes\nctypes.string_at(0)\n")
    assert failure is not None
    assert failure.error == "the process ended by itself (SIGSEGV)"


def test_after_a_stop_nothing_is_imported(tmp_path: Path) -> None:
    """Nor started: whoever asks is interrupted."""
    with importing(tmp_path) as importer:
        importer.stop()
        with pytest.raises(KeyboardInterrupt):
            next(importer.attempts(["one"]))


def test_each_module_finds_a_fresh_interpreter(imported: Callable[[str], Failure | None]) -> None:
    """What one has set, opened or loaded is not there for the next, and its process is no longer."""
    fresh = (
        "import os, sys\nassert not hasattr(sys, 'mark') and 'MARK' not in os.environ\n"
        "assert 'uuid' not in sys.modules\n"
        "assert sys.stdin.read() == '' and os.environ['HOME'] == os.getcwd() and not os.listdir('.')\n"
        "sys.mark = os.environ['MARK'] = 'there'\nimport uuid\nos.close(0)\nprint('7')\n"
    )
    assert [imported(code) for code in (fresh, fresh)] == [None, None]


def test_what_an_import_ends_besides_itself_is_replaced(imported: Callable[[str], Failure | None]) -> None:
    """The module is told to have ended its process; the next one is imported as ever."""
    failure = imported("import os, signal\nos.kill(os.getppid(), signal.SIGINT)\nos.kill(os.getpid(), 9)\n")
    assert failure is not None
    assert failure.error.startswith("the process ended by itself (")
    assert imported("") is None


def test_modules_that_change_nothing_share_a_process(tmp_path: Path) -> None:
    """What one has loaded is loaded for the next, which says of its own what it loaded as well."""
    with importing(tmp_path, one="import base64\n", two="import sys\nassert 'one' in sys.modules\n") as importer:
        one, two = importer.attempts(["one", "two"])
    assert (one.failure, two.failure) == (None, None)
    assert one.loaded == (f"{SITE_PACKAGES}/one.py",)
    assert two.loaded == (f"{SITE_PACKAGES}/one.py", f"{SITE_PACKAGES}/two.py")


@pytest.mark.parametrize(
    "change",
    [
        "import sys\nsys.path.append('/there')",
        "import os\nos.chdir('/')",
        "import os\nos.environ['THERE'] = 'yes'",
        "import builtins\nbuiltins._ = str",
        "import builtins\nbuiltins.abs = str",
        "import collections\ncollections.There = str",
        "import sys, three\nsys.modules['there'] = three",
        "import sys, three\nsys.modules['json.there'] = three",
        "import threading, time\nthreading.Thread(target=time.sleep, args=[60], daemon=True).start()",
        "import gc, os\nos.close(0)\nos.close(1)\nraise ImportError",
        "import os\nos._exit(0)",
        "import sys\nsys.exit(0)",
        "import signal, os\nos.kill(os.getpid(), signal.SIGKILL)",
    ],
)
def test_a_module_that_changes_what_others_meet_is_the_last_of_its_process(tmp_path: Path, change: str) -> None:
    """Nothing is then found that isn't there otherwise; nor after one that fails, or ends the process."""
    alone = "import sys\nassert not {'zero', 'one', 'two'} & sys.modules.keys() - {__name__}\n"
    modules = {"zero": "", "one": f"{alone}{change}\n", "two": alone, "three": ""}
    with importing(tmp_path, **modules) as importer:
        zero, one, two = (attempt.failure for attempt in importer.attempts(["zero", "one", "two"]))
    assert (zero, two) == (None, None)
    assert (one is None) == (not change.endswith(("ImportError", "exit(0)", "KILL)")))
