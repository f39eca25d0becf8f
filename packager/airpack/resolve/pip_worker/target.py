"""Gives pip the target's tags and markers in place of its own interpreter's.

pip evaluates markers, chooses tags and compares `Requires-Python` by the Python that it runs under;
`--python-version` and `--platform` change only a part of that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from airpack.resolve.pip_worker.adapter import Marker, Op, Tag, Value, Variable, get_environment, wrap
from airpack.resolve.pip_worker.events import Failure


def prepare(target: dict[str, Any]) -> None:
    """Prepare pip for `target`: its `tags` in order of preference, its `marker_environment`.

    `installed` is a folder with the metadata of the image's packages, which pip then doesn't resolve; None for none.
    """
    environment_of_image = get_environment([target["installed"]] if target["installed"] else [])
    wrap("installed_environment", lambda _: lambda: environment_of_image)
    accepted = [Tag(*text.split("-")) for text in target["tags"]]
    wrap("target_tags", lambda _: lambda _: accepted)
    environment = target["marker_environment"]
    wrap("default_environment", lambda _: lambda: dict(environment))
    known = {*environment, "extra", "extras", "dependency_groups"}
    wrap("evaluate_marker", lambda evaluate: lambda *args, **kwargs: _evaluate(evaluate, known, *args, **kwargs))


def _evaluate(evaluate: Callable[..., Any], known: Collection[str], marker: Any, *args: Any, **kwargs: Any) -> bool:
    """Return whether a marker holds, by pip's own `evaluate`. Raises Failure if that depends on an unknown variable."""
    unknown = sorted(set(_variables(marker._markers)).difference(known))
    if not unknown:
        return bool(evaluate(marker, *args, **kwargs))
    # Markers have no negation: if the answer is the same with all unknown comparisons true as with all of them
    # false, it doesn't depend on them.
    answers = set()
    for assumed in (True, False):
        settled = Marker(str(marker))
        settled._markers = _assume(marker._markers, unknown, assumed)
        answers.add(evaluate(settled, *args, **kwargs))
    if len(answers) > 1:
        raise Failure("marker", variable=unknown[0], marker=str(marker))
    return bool(answers.pop())


def _variables(parsed: Any) -> Iterator[str]:
    """Yield the names of the variables in a parsed marker."""
    for item in parsed:
        if isinstance(item, list):
            yield from _variables(item)
        elif isinstance(item, tuple):
            yield from (part.value for part in item if isinstance(part, Variable))


def _assume(parsed: Any, unknown: list[str], truth: bool) -> Any:
    """Return a parsed marker with each comparison of an unknown variable replaced by one that is always `truth`."""
    if isinstance(parsed, list):
        return [_assume(item, unknown, truth) for item in parsed]
    if isinstance(parsed, tuple) and set(_variables([parsed])) & set(unknown):
        return (Variable("os_name"), Op("!=" if truth else "=="), Value(""))
    return parsed
