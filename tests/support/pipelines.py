"""Runs the steps of `fixtures/ci` as the runners of GitHub and Azure do, as far as those files go.

What a file asks of a runner and this doesn't know is an error.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from support import machine

_EXPRESSION = re.compile(r"\$\{\{ (.+?) \}\}")
_MACRO = re.compile(r"\$\(([\w.]+)\)")
_SET = re.compile(r"^##vso\[task\.setvariable variable=(\w+)(;isOutput=true)?\](.*)$", re.MULTILINE)


@dataclass(kw_only=True)
class Agent:
    """A machine that runs a pipeline in `home`, whose folder `work` is the checked out repository.

    `store` is the pipeline's cache, by key, which other agents see as well. `files` are Azure's secure ones.
    `log` has each script's output by the step's name; with `trace`, what it asks of the kernel is written
    there. The job ends after the step named `until`.
    """

    home: Path
    env: Mapping[str, str]
    store: dict[str, Path]
    files: Mapping[str, Path] = field(default_factory=dict)
    trace: Path | None = None
    until: str = ""
    known: dict[str, str] = field(default_factory=dict)
    log: dict[str, str] = field(default_factory=dict)

    @property
    def temporary(self) -> Path:
        """The folder of what lasts as long as the job."""
        return self.home / "temp"

    def action(self, path: Path, given: Mapping[str, str]) -> dict[str, str]:
        """Run a composite action of GitHub with these inputs, and return its outputs."""
        action = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert given.keys() <= action["inputs"].keys()
        inputs = {name: given.get(name, about["default"]) for name, about in action["inputs"].items()}
        self.known |= {f"inputs.{name}": value for name, value in inputs.items()}
        self.known |= {"runner.os": "Linux", "runner.arch": "X64", "github.action_path": str(path.parent)}
        for step in action["runs"]["steps"]:
            if "if" in step and not _holds(step["if"], self.known):
                continue
            if "uses" in step:
                self._use(step)
            else:
                self._github_step(step)
            if _name(step) == self.until:
                return {}
        return {name: self._filled(about["value"]) for name, about in action["outputs"].items()}

    def template(self, path: Path, given: Mapping[str, str]) -> dict[str, str]:
        """Run the steps of Azure's template with these parameters, and return the variables that others may read."""
        template = yaml.safe_load(path.read_text(encoding="utf-8"))
        names = {each["name"]: each["default"] for each in template["parameters"]}
        assert given.keys() <= names.keys()
        parameters = {f"parameters.{name}": given.get(name, default) for name, default in names.items()}
        self.known |= {"Pipeline.Workspace": str(self.home), "Agent.OS": "Linux", "Agent.OSArchitecture": "X64"}
        for step in _compiled(template["steps"], parameters):
            match step.get("task"):
                case None:
                    self._azure_step(step)
                    if _name(step) == self.until:
                        return {}
                case "UsePythonVersion@0":
                    self.known[f"{step['name']}.pythonLocation"] = sys.prefix
                case "DownloadSecureFile@1":
                    self.known[f"{step['name']}.secureFilePath"] = str(self.files[step["inputs"]["secureFile"]])
                case "Cache@2":
                    inputs = step["inputs"]
                    place = Path(self._replaced(inputs["path"]))
                    self._restore(self._replaced(inputs["key"]), self._replaced(inputs["restoreKeys"]), place)
                case other:
                    raise AssertionError(other)
        return {name: value for name, value in self.known.items() if name.startswith(("pack.", "push."))}

    def install(self, script: str) -> str:
        """Return what is run in place of the script of the step Install."""
        return script

    def keep(self) -> None:
        """Put what the job's caches name into the store, as runners do when a job has succeeded."""
        for key, place in self._caches.items():
            if key not in self.store:
                self.store[key] = self.home / f"kept-{len(self.store)}"
                shutil.copytree(place, self.store[key])

    _caches: dict[str, Path] = field(default_factory=dict)

    def _use(self, step: Mapping[str, Any]) -> None:
        """Do what an action of GitHub's own does."""
        match step["uses"]:
            case "actions/setup-python@v6":
                self.known[f"steps.{step['id']}.outputs.python-path"] = sys.executable
            case "actions/cache@v4":
                given = {name: self._filled(value) for name, value in step["with"].items()}
                place = self.home / given["path"].removeprefix("~/")
                self._restore(given["key"], given["restore-keys"], place)
            case other:
                raise AssertionError(other)

    def _restore(self, key: str, prefix: str, place: Path) -> None:
        self._caches[key] = place
        found = [key] if key in self.store else [each for each in self.store if each.startswith(prefix)]
        if found:
            shutil.copytree(self.store[found[-1]], place)

    def _github_step(self, step: Mapping[str, Any]) -> None:
        assert (step["shell"], "${{" in step["run"]) == ("bash", False)  # what is filled in could be a command
        env = {name: self._filled(value) for name, value in step["env"].items()}
        told = {name: self.home / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_PATH")}
        env |= {name: str(path) for name, path in told.items()} | {"RUNNER_TEMP": str(self.temporary)}
        told["GITHUB_OUTPUT"].write_text("")
        self._run(step, ["-eo", "pipefail"], step["run"], env)
        for line in told["GITHUB_OUTPUT"].read_text().splitlines():
            name, _, value = line.partition("=")
            self.known[f"steps.{step['id']}.outputs.{name}"] = value

    def _azure_step(self, step: Mapping[str, Any]) -> None:
        env = {name: self._replaced(value) for name, value in step.get("env", {}).items()}
        env |= {"AGENT_TEMPDIRECTORY": str(self.temporary)}
        self._run(step, [], self._replaced(step["bash"]), env)
        for name, is_output, value in _SET.findall(self.log[_name(step)]):
            self.known[f"{step['name']}.{name}" if is_output else name] = value

    def _run(self, step: Mapping[str, Any], options: Sequence[str], script: str, env: Mapping[str, str]) -> None:
        self.temporary.mkdir(exist_ok=True)
        script = self.install(script) if _name(step) == "Install" else script
        if "jq " in script:
            machine.tool("jq")  # which the runners have
        line = ["bash", "--noprofile", "--norc", *options, "-c", script]
        if self.trace is not None:
            line = [machine.tool("strace"), "-f", "-A", "-e", "trace=%network,execve", "-o", str(self.trace), *line]
        path = f"{self.temporary}/airpack/bin{os.pathsep}{self.env['PATH']}"  # as the step Install asks
        done = subprocess.run(
            line, cwd=self.home / "work", env={**self.env, "HOME": str(self.home), **env, "PATH": path},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.log[_name(step)] = done.stdout + done.stderr
        if done.returncode:
            raise StepFailed(_name(step), done.stdout + done.stderr)

    def _filled(self, text: str) -> str:
        return _EXPRESSION.sub(lambda match: self._value(match[1]), text)

    def _value(self, expression: str) -> str:
        if expression.startswith("hashFiles("):
            patterns = [self.known[each] for each in expression[len("hashFiles(") : -1].split(", ")]
            named = [name for each in patterns for name in glob.glob(f"{self.home}/work/{each}", recursive=True)]
            found = [Path(name).read_bytes() for name in sorted(named) if os.path.isfile(name)]
            return hashlib.sha256(b"".join(found)).hexdigest()
        if " || " in expression:
            first, _, other = expression.partition(" || ")
            format_, name = re.fullmatch(r"format\('(.+)', ([\w.]+)\)", other).groups()  # type: ignore[union-attr]
            return self.known[first] or format_.replace("{0}", self.known[name])
        # An output that was not set is empty; whatever else is not known is a slip.
        return self.known.get(expression, "") if expression.startswith("steps.") else self.known[expression]

    def _replaced(self, text: str) -> str:
        while _MACRO.search(text):
            text = _MACRO.sub(lambda match: self.known[match[1]], text)
        return text


class StepFailed(Exception):
    """A step of a pipeline ended with another status than 0."""


def _name(step: Mapping[str, Any]) -> str:
    return str(step.get("displayName") or step["name"])


def _holds(condition: str, known: Mapping[str, str]) -> bool:
    name, _, other = condition.partition(" != ")
    assert other == "''"
    return known[name] != ""


def _compiled(node: Any, parameters: Mapping[str, str]) -> Any:
    """Return what a template stands for: parameters replaced, and what stands below a condition taken or left out."""
    if isinstance(node, str):
        return _EXPRESSION.sub(lambda match: parameters[match[1]], node)
    if isinstance(node, list):
        made: list[Any] = []
        for each in node:
            inner = _branch(each, parameters)
            made += [_compiled(each, parameters)] if inner is None else inner
        return made
    if isinstance(node, dict):
        found: dict[str, Any] = {}
        for key, value in node.items():
            inner = _branch({key: value}, parameters)
            found |= {key: _compiled(value, parameters)} if inner is None else inner or {}
        return found
    return node


def _branch(node: Any, parameters: Mapping[str, str]) -> Any:
    """Return what stands below a condition, nothing where that doesn't hold; None if there is no condition."""
    if not (isinstance(node, dict) and len(node) == 1 and next(iter(node)).startswith("${{ if ")):
        return None
    ((condition, inner),) = node.items()
    name = re.fullmatch(r"\$\{\{ if ne\((parameters\.\w+), ''\) \}\}", condition)
    assert name is not None, condition
    return _compiled(inner, parameters) if parameters[name[1]] else []
