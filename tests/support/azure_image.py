"""A stand-in for a prebuilt Azure ML inference image: a Python with the real server, and our start script."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import machine, sandbox

FIXTURE = machine.FIXTURES / "azure"
SERVER = "azureml-inference-server-http==0.8.4.2"
# Where things lie in the image.
ENVIRONMENT = "/azureml-envs/inference"
APP = "/var/azureml-app"
MODEL = "/var/azureml-model"
STARTERS = "/var/azureml-start"

# How the image starts its server: until 2024 by a script that reads the variables; since then without.
START = ("sh", f"{STARTERS}/start.sh")
SERVE = ("sh", f"{STARTERS}/serve.sh")
# What may be addressed: this machine. The server listens on all its addresses, in the images as well.
_LOCAL = ("127.0.0.1", "::1", "0.0.0.0")  # noqa: S104 - it is read in a log
_ADDRESS = re.compile(r'(?:inet_addr\(|inet_pton\(AF_INET6, )"([^"]+)"')
_CALL = re.compile(r"^\d+ +(socket|connect|bind|sendto|sendmsg|sendmmsg)\(")
Contents = Mapping[str, Path | str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Boot:
    """How a start went.

    `status` is that of HTTP, with `answer`, None if the server ended before, with `exit`. `output` is all
    that was written, `seconds` the time until then. `abroad` are the system calls that address more than
    this machine. The workers are those of gunicorn at first, and after each of them was killed.
    """

    status: int | None
    answer: Any
    exit: int | None
    output: str
    seconds: float
    abroad: list[str]
    workers: list[int]
    workers_then: list[int]

    @property
    def said(self) -> list[str]:
        """Return the lines that airpack wrote."""
        return [line for line in self.output.splitlines() if line.startswith("airpack: ")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """The image: its environment, None for a Python without any packages, and the model that is mounted.

    A start of a `writable` one may change its environment. `tag` is that of its Python.
    """

    environment: Path | None
    model: Path
    writable: bool = False
    tag: str = "cp37"

    def boot(
        self,
        app: Path,
        words: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        tmp: Path | None = None,
        kill: bool = False,
    ) -> Boot:
        """Start `words` with the code in `app`, get a prediction, end all that was started, and tell of it.

        With `kill`, each of gunicorn's first workers is killed before another prediction is asked for.
        """
        line = self._command(words, app, env or {}, tmp, kill)
        with tempfile.NamedTemporaryFile("r", errors="replace") as log:
            trace = [machine.tool("strace"), "-f", "--seccomp-bpf", "-e", "trace=%network,execve", "-o", log.name]
            told = _told([*trace, *line])
            status, answer = told.pop("answer") or (None, None)
            return Boot(status=status, answer=answer, abroad=list(_abroad(log.read())), **told)

    def seconds(self, app: Path, words: Sequence[str], env: Mapping[str, str], tmp: Path | None = None) -> float:
        """Start `words` likewise, untraced, and return the seconds until the prediction."""
        told = _told(self._command(words, app, env, tmp, False))
        assert told["answer"] is not None and told["answer"][0] == 200, told["output"]
        return float(told["seconds"])

    def _command(
        self, words: Sequence[str], app: Path, env: Mapping[str, str], tmp: Path | None, kill: bool
    ) -> list[str]:
        python = machine.python(self.tag).path
        mounts = {APP: app, MODEL: self.model, STARTERS: FIXTURE}
        path = [f"{python.resolve().parent}", "/usr/bin", "/bin"]
        if self.environment is not None:
            mounts[ENVIRONMENT] = self.environment
            path.insert(0, f"{ENVIRONMENT}/bin")
        given = {
            "PATH": ":".join(path),
            "AIRPACK_LOG": "",  # as where it isn't set
            "AZUREML_ENTRY_SCRIPT": "score.py",
            "AZUREML_MODEL_DIR": MODEL,
            "START_PAUSE": "0",
            "PIP_RETRIES": "0",
        }
        client = [f"python3.{self.tag[3:]}", "-I", f"{STARTERS}/client.py", str(int(kill))]
        line = sandbox.command(python, [*client, *words], mounts=mounts, env={**given, **env}, tmp=tmp)
        return _writable(line, self.environment) if self.writable and self.environment else line


def build_environment(folder: Path, house: Path, requirements: Sequence[str] = (SERVER,), *, tag: str = "cp37") -> None:
    """Make the image's environment in `folder`: in the image, without a network, from the wheels in `house`.

    `tag` is that of the image's Python.
    """
    folder.mkdir()
    make = f"python3.{tag[3:]} -m venv {ENVIRONMENT} && "
    make += f'{ENVIRONMENT}/bin/pip install -q --no-index --no-cache-dir --find-links /wheelhouse "$@"'
    mounts = {ENVIRONMENT: folder, "/wheelhouse": house}
    words = ["sh", "-c", make, "sh", *requirements]
    line = sandbox.command(machine.python(tag).path, words, mounts=mounts, env={})
    subprocess.run(_writable(line, folder), check=True, timeout=120, stdout=subprocess.DEVNULL)


def write_code(folder: Path, contents: Contents) -> Path:
    """Make the code's folder, of the entry script and further files: path to content, or what to copy; return it."""
    for name, what in {"score.py": FIXTURE / "score.py", **contents}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(what, str):
            (folder / name).write_text(textwrap.dedent(what))
        elif what.is_dir():
            shutil.copytree(what, folder / name, copy_function=os.link)
        else:
            os.link(what, folder / name)
    return folder


def assert_answers(boot: Boot, packages: str, server: str) -> None:
    """Check the prediction, where scikit-learn, pandas and Flask are from, and that nothing left the machine."""
    assert boot.status == 200, boot.output
    assert boot.answer["prediction"] == [0, 1]
    found = [re.sub("[0-9a-f]{64}", "DIGEST", file) for file in boot.answer["files"]]
    assert found == [f"{packages}/sklearn/__init__.py", f"{packages}/pandas/__init__.py", f"{server}/flask/__init__.py"]
    assert boot.abroad == []


def _writable(line: list[str], folder: Path) -> list[str]:
    """Return a sandbox's command line with the folder mounted so that it can be changed."""
    place = line.index(str(folder)) - 1
    assert line[place] == "--ro-bind"
    return [*line[:place], "--bind", *line[place + 1 :]]


def _told(line: Sequence[str]) -> dict[str, Any]:
    """Run the client and return what it prints."""
    done = machine.run(line)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _abroad(log: str) -> Iterator[str]:
    """Yield the calls of a strace log by which the client, or what it started, addressed more than this machine.

    Who asks for the address of a name does, wherever its resolver is.
    """
    _, started, calls = log.rpartition(f'"{STARTERS}/client.py"')
    assert started, log
    for call in filter(_CALL.match, calls.splitlines()):
        addresses = _ADDRESS.findall(call)
        if addresses:
            local = all(each in _LOCAL for each in addresses) and "port=htons(53)" not in call
        else:
            local = re.search(r"\b(AF_UNIX|NULL)\b|socket\(AF_INET6?,", call) is not None
        if not local:
            yield call
