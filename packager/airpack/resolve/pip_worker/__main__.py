"""`python -m airpack.resolve.pip_worker REQUESTS EVENTS [ahead]`: pip commands, one after the other, told as events.

The first two are descriptors of pipes. With `ahead`, what a resolve imports is imported before the first request.
"""

from __future__ import annotations

import http.client
import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO, cast

from airpack.base.interrupts import interrupted_once
from airpack.base.network.pace import PacedResponse
from airpack.resolve.pip_worker import adapter
from airpack.resolve.pip_worker.events import Events, Redacted, facts_of, report_warnings
from airpack.resolve.pip_worker.settings import leave_out, tell_little

# The modules that a resolve imports.
_OF_A_RESOLVE = ("constraints", "lines", "observe", "preference", "sources", "target", "wheels")


def main() -> None:
    """Carry out requests, one after the other, until there are no more: each is the path of a file, as JSON."""
    events = Events(os.fdopen(int(sys.argv[2]), "w", encoding="utf-8"))
    # What pip, the libraries in it, and builds write is shown with -v.
    sys.stdout, sys.stderr = cast("TextIO", Redacted(sys.stdout)), cast("TextIO", Redacted(sys.stderr))
    report_warnings(events)
    http.client.HTTPConnection.response_class = PacedResponse
    if "ahead" in sys.argv[3:]:
        import_ahead()
    with os.fdopen(int(sys.argv[1]), encoding="utf-8") as requests:
        for line in requests:
            with interrupted_once() as interrupts:
                status = _carry_out(Path(json.loads(line)), events)
            sys.stdout.flush()
            sys.stderr.flush()
            events.emit(done=status)
            if interrupts:
                return


def import_ahead() -> None:
    """Import what a resolve imports."""
    with suppress(adapter.UnfitPip):  # told when it is asked for
        _check(resolves=True)
        for name in _OF_A_RESOLVE:
            importlib.import_module(f"airpack.resolve.pip_worker.{name}")


def _check(*, resolves: bool) -> None:
    adapter.check(adapter.FETCH, adapter.SETTINGS, *([adapter.RESOLVE, adapter.WRAPPED] if resolves else []))


def _carry_out(file: Path, events: Events) -> int:
    """Carry out the request in a file and return pip's exit status."""
    request = json.loads(file.read_text(encoding="utf-8"))
    resolves = request["do"] == "resolve"
    try:
        _check(resolves=resolves)
    except adapter.UnfitPip as error:
        events.emit(failure="unfit", missing=error.missing, version=error.version, fits=error.fits)
        return 1
    tell_little(os.environ)
    leave_out(frozenset(request["unheeded"]), os.environ)
    # The folder of the request is removed once it is carried out.
    scratch = file.parent
    command = adapter.create_command("install")
    errors: Sequence[str] = ()
    # Each command imports its own modules: those of the other take a tenth of a second.
    if resolves:
        run, errors = _resolving(command, events, request, scratch)
    else:
        from airpack.resolve.pip_worker.fetch import fetch

        def run(options: Any, _: list[str]) -> int:
            fetch(request["files"], command.get_default_session(options), request["jobs"], events)
            return 0

    command.run = _reporting(run, events)
    try:
        status: int = command.main([*request["options"], f"--src={scratch / 'repositories'}"])
    except SystemExit as end:  # an option, or a setting, can't be read: pip has told why
        status = end.code if isinstance(end.code, int) else 1
        if errors:
            events.emit(failure="pip", message="\n".join(errors))
    return status


def _resolving(
    command: Any, events: Events, request: dict[str, Any], scratch: Path
) -> tuple[Callable[..., int], Sequence[str]]:
    """Return pip's `command.run` prepared to resolve for the target, with its errors reported as events.

    Return also what pip logs as errors, growing.
    """
    from airpack.resolve.pip_worker.constraints import Constraints
    from airpack.resolve.pip_worker.lines import name_unreadable, read_legacy
    from airpack.resolve.pip_worker.observe import observe
    from airpack.resolve.pip_worker.preference import LOOKS, keep, prefer_wheels
    from airpack.resolve.pip_worker.settings import report_netrc, scope
    from airpack.resolve.pip_worker.sources import allow_sources
    from airpack.resolve.pip_worker.target import prepare
    from airpack.resolve.pip_worker.wheels import name_bad_wheels, read_metadata_alone
    from airpack.sources.source import Builder

    builder, sessions = Builder.from_dict(request["builder"]), list[Any]()
    prepare(request["target"])
    newest = request["prefer_newest"]
    allow_sources(builder, scratch, events, looks=None if newest else LOOKS)
    name_bad_wheels(builder.cache)
    read_metadata_alone(builder.cache)
    name_unreadable(events)
    python = request["target"]["python_full_version"]
    if not newest:
        prefer_wheels(lambda: sessions[0], builder.cache, events, python=python)
    keep(request["kept"])
    scope(request["indexes"], events)
    report_netrc(os.environ, events)
    constraints = Constraints(events)
    observed = observe(events, request["target"], read_legacy())
    run = command.run

    def resolving(options: Any, args: list[str]) -> int:
        constraints.required = bool(options.require_hashes)
        sessions.append(command.get_default_session(options))
        status: int = run(options, args)
        if status:
            events.emit(failure="pip", message="\n".join(observed.errors))
        return status

    return resolving, observed.errors


def _reporting(run: Any, events: Events) -> Any:
    """Return `run`, with an exception reported as an event; pip would print it and drop its facts."""

    def reporting(options: Any, args: list[str]) -> int:
        try:
            status: int = run(options, args)
        except Exception as error:  # noqa: BLE001 - reported as an event, and by the exit status
            events.emit(**facts_of(error))
            return 1
        return status

    return reporting


if __name__ == "__main__":
    main()
