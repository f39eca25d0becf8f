"""Runs inside a subprocess: pip, prepared to resolve for another Python than its own.

pip evaluates markers, picks tags and compares `Requires-Python` with what it
knows of its own interpreter. `prepare` gives it the target's values instead.
This is the only module that touches pip's internals; it imports nothing of
airpack, and talks to `pip_process` by one JSON object a line on a pipe:

    {"bytes": N}                     N more bytes have been downloaded
    {"failure": KIND, ...}           why the command failed; the last line
    {"requirements": [...]}          what was asked for, normalised
    {"hashed": URL, "sha256": DIGEST, "size": N}    a file that has arrived whole
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pip._internal.commands import create_command
from pip._internal.exceptions import HashError, HashErrors, InstallationError, NetworkConnectionError
from pip._internal.index import collector
from pip._internal.index.package_finder import PackageFinder
from pip._internal.models import installation_report
from pip._internal.models.target_python import TargetPython
from pip._internal.network.utils import HEADERS, raise_for_status, response_chunks
from pip._internal.resolution.resolvelib.factory import Factory
from pip._internal.resolution.resolvelib.resolver import Resolver
from pip._vendor.packaging import markers
from pip._vendor.packaging.tags import Tag
from pip._vendor.requests.exceptions import RequestException
from pip._vendor.urllib3.exceptions import HTTPError

CHUNK = 256 * 1024
ATTEMPTS = 4

Emit = Callable[[dict[str, Any]], None]


class Failure(InstallationError):
    """A failure with the facts that a message is made of."""

    def __init__(self, kind: str, **facts: Any) -> None:
        super().__init__(kind)
        self.facts = {"failure": kind, **facts}


class Observed:
    """What pip tells only its debug log: links that were passed over, pages that failed, errors."""

    def __init__(self) -> None:
        self.skipped: list[dict[str, str]] = []
        self.unreachable: list[dict[str, Any]] = []
        self.errors: list[str] = []


def main() -> int:
    """Run the request in the file `sys.argv[1]`, with events written to the descriptor `sys.argv[2]`."""
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    events = os.fdopen(int(sys.argv[2]), "w", encoding="utf-8")
    lock = threading.Lock()

    def emit(event: dict[str, Any]) -> None:
        with lock:
            events.write(json.dumps(event) + "\n")
            events.flush()

    command = create_command("install")
    run = command.run
    observed = Observed()
    _observe(observed)

    def guarded(options: Any, args: list[str]) -> int:
        try:
            if request["do"] == "fetch":
                _fetch(request["files"], command.get_default_session(options), request["jobs"], emit)
                return 0
            status = run(options, args)
            if status:
                emit({"failure": "pip", "message": "\n".join(observed.errors)})
            return status
        except Exception as error:  # noqa: BLE001 - pip would print it and forget its facts
            emit(_facts(error))
            return 1

    command.run = guarded
    if request["do"] == "resolve":
        prepare(request["target"], observed, emit)
    status: int = command.main(request["options"])
    return status


def _facts(error: Exception) -> dict[str, Any]:
    """Return what `diagnosis` makes a message of."""
    if isinstance(error, Failure):
        return error.facts
    if isinstance(error, (HashError, HashErrors)):
        return {"failure": "hash", "message": str(error)}
    if isinstance(error, InstallationError):
        return {"failure": "pip", "message": str(error)}
    if isinstance(error, OSError):
        return {"failure": "os", "message": error.strerror or str(error), "path": error.filename or ""}
    traceback.print_exc()  # a fault here or in pip: one line for the user, and all of it with -v
    return {"failure": "pip", "message": f"{type(error).__name__}: {error}"}


def prepare(target: dict[str, Any], observed: Observed, emit: Emit) -> None:
    """Make pip see the target's tags and markers, and explain a failure with facts."""
    accepted = [Tag(*text.split("-")) for text in target["tags"]]
    TargetPython.get_sorted_tags = lambda _: accepted
    environment = target["marker_environment"]
    markers.default_environment = lambda: dict(environment)
    # The report would look up platform_release, which may be unknown.
    installation_report.default_environment = dict
    evaluate = markers.Marker.evaluate

    def evaluate_known(self: markers.Marker, *args: Any, **kwargs: Any) -> bool:
        """Evaluate a marker, unless the answer hangs on a variable that is unknown."""
        unknown = sorted(set(_variables(self._markers)) - environment.keys() - {"extra", "extras", "dependency_groups"})
        if not unknown:
            return bool(evaluate(self, *args, **kwargs))
        # Markers have no negation: if all unknown comparisons may be true or false
        # alike, the answer doesn't hang on them.
        answers = set()
        for assumed in (True, False):
            settled = markers.Marker(str(self))
            settled._markers = _assume(self._markers, unknown, assumed)
            answers.add(evaluate(settled, *args, **kwargs))
        if len(answers) > 1:
            raise Failure("marker", variable=unknown[0], marker=str(self))
        return bool(answers.pop())

    markers.Marker.evaluate = evaluate_known
    _report_requirements(emit)
    _report_conflicts(observed, target["python_full_version"])


def _variables(parsed: Any) -> Iterator[str]:
    """Yield the names of the variables in a parsed marker."""
    for item in parsed:
        if isinstance(item, list):
            yield from _variables(item)
        elif isinstance(item, tuple):
            yield from (part.value for part in item if isinstance(part, markers.Variable))


def _assume(parsed: Any, unknown: list[str], truth: bool) -> Any:
    """Replace each comparison with an unknown variable by one that is always `truth`."""
    if isinstance(parsed, list):
        return [_assume(item, unknown, truth) for item in parsed]
    if isinstance(parsed, tuple) and set(_variables([parsed])) & set(unknown):
        return (markers.Variable("os_name"), markers.Op("!=" if truth else "=="), markers.Value(""))
    return parsed


def _observe(observed: Observed) -> None:
    """Keep what pip says of links that it skips, pages that it can't get, and errors."""
    log_skipped = PackageFinder._log_skipped_link
    handle_fail = collector._handle_get_simple_fail

    def skipped(self: PackageFinder, link: Any, result: Any, detail: str) -> None:
        observed.skipped.append(
            {"file": link.filename, "why": result.name, "requires_python": link.requires_python or ""}
        )
        log_skipped(self, link, result, detail)

    def failed(link: Any, reason: Any, *args: Any, **kwargs: Any) -> None:
        response = getattr(reason, "response", None)
        observed.unreachable.append(
            {"url": str(link), "status": getattr(response, "status_code", None), "reason": str(reason)}
        )
        handle_fail(link, reason, *args, **kwargs)

    class Errors(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            observed.errors.append(record.getMessage())

    PackageFinder._log_skipped_link = skipped
    collector._handle_get_simple_fail = failed
    logging.getLogger("pip").addHandler(Errors(logging.ERROR))


def _report_requirements(emit: Emit) -> None:
    """Tell which requirements pip read from the command line and the files."""
    resolve = Resolver.resolve

    def resolve_reported(self: Resolver, root_reqs: list[Any], *args: Any, **kwargs: Any) -> Any:
        asked = [each.req for each in root_reqs if not each.constraint]
        emit({"requirements": sorted({str(req) for req in asked if req is not None})})
        return resolve(self, root_reqs, *args, **kwargs)

    Resolver.resolve = resolve_reported


def _report_conflicts(observed: Observed, python: str) -> None:
    """Raise the causes of an impossible resolve as facts, not as pip's paragraphs."""

    def explain(self: Factory, error: Any, constraints: dict[str, Any]) -> Failure:
        causes = [
            {
                "requirement": str(requirement),
                "name": requirement.project_name,
                "by": f"{parent.name} {parent.version}" if parent else None,
                "candidates": [str(each.version) for each in self._finder.find_all_candidates(requirement.project_name)]
                if not requirement.project_name.startswith("<")
                else None,
            }
            for requirement, parent in error.causes
        ]
        names = {cause["name"] for cause in causes}
        return Failure(
            "impossible",
            causes=causes,
            constraints={name: str(constraints[name].specifier) for name in names if name in constraints},
            skipped=observed.skipped,
            unreachable=observed.unreachable,
            python=python,
        )

    Factory.get_installation_error = explain


def _fetch(files: list[dict[str, str]], session: Any, jobs: int, emit: Emit) -> None:
    """Download `files` (url, path, optional sha256) by `jobs` threads over one session of pip's."""
    waiting: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
    seen: set[str] = set()
    failures: list[Exception] = []
    for file in files:
        host = urlsplit(file["url"]).netloc
        if host and host not in seen:
            # The first answer of each host settles its credentials before threads could ask twice.
            seen.add(host)
            _download(file, session, emit)
        else:
            waiting.put(file)

    def work() -> None:
        while not failures:
            try:
                file = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                _download(file, session, emit)
            except Exception as error:  # noqa: BLE001 - raised again in the main thread
                failures.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _download(file: dict[str, str], session: Any, emit: Emit) -> None:
    """Write one file to its path and tell its hash and size; try again when a connection breaks."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _download_once(file, session, emit)
            return
        except NetworkConnectionError as error:
            raise Failure("download", url=file["url"], reason=str(error)) from error
        except (RequestException, HTTPError) as error:
            if attempt == ATTEMPTS:
                raise Failure("download", url=file["url"], reason=str(error)) from error
        except OSError as error:
            raise Failure("os", message=error.strerror, path=os.path.dirname(file["path"])) from error


def _download_once(file: dict[str, str], session: Any, emit: Emit) -> None:
    response = session.get(file["url"], headers=HEADERS, stream=True)
    raise_for_status(response)
    digest, size = hashlib.sha256(), 0
    with open(file["path"], "wb") as target:
        for chunk in response_chunks(response, CHUNK):
            target.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            emit({"bytes": len(chunk)})
    promised = response.headers.get("Content-Length", "")
    if promised.isdigit() and int(promised) != size:
        emit({"bytes": -size})
        raise RequestException(f"the connection ended after {size} of {promised} bytes")
    emit({"hashed": file["url"], "sha256": digest.hexdigest(), "size": size})


if __name__ == "__main__":
    sys.exit(main())
