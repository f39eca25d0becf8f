"""Gives pip the target's tags and markers in place of its own interpreter's.

pip evaluates markers, chooses tags and compares `Requires-Python` by the Python that it runs under;
`--python-version` and `--platform` change only a part of that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pip._internal.metadata import get_environment
from pip._internal.models import installation_report
from pip._internal.models.target_python import TargetPython
from pip._internal.resolution.resolvelib import factory
from pip._vendor.packaging import markers
from pip._vendor.packaging.tags import Tag

from airpack.resolve.pip_worker.events import Failure


def prepare(target: dict[str, Any]) -> None:
    """Prepare pip for `target`: its `tags` in order of preference, its `marker_environment`.

    `installed` is a folder with the metadata of the image's packages, which pip then doesn't resolve; None for none.
    """
    environment_of_image = get_environment([target["installed"]] if target["installed"] else [])
    factory.get_default_environment = lambda: environment_of_image
    accepted = [Tag(*text.split("-")) for text in target["tags"]]
    TargetPython.get_sorted_tags = lambda _: accepted
    environment = target["marker_environment"]
    markers.default_environment = lambda: dict(environment)
    # The report would look up platform_release, which may be unknown.
    installation_report.default_environment = dict
    evaluate = markers.Marker.evaluate

    def evaluate_known(self: markers.Marker, *args: Any, **kwargs: Any) -> bool:
        """Return whether a marker holds. Raises Failure if that depends on an unknown variable."""
        unknown = sorted(set(_variables(self._markers)) - environment.keys() - {"extra", "extras", "dependency_groups"})
        if not unknown:
            return bool(evaluate(self, *args, **kwargs))
        # Markers have no negation: if the answer is the same with all unknown comparisons true as with all of them
        # false, it doesn't depend on them.
        answers = set()
        for assumed in (True, False):
            settled = markers.Marker(str(self))
            settled._markers = _assume(self._markers, unknown, assumed)
            answers.add(evaluate(settled, *args, **kwargs))
        if len(answers) > 1:
            raise Failure("marker", variable=unknown[0], marker=str(self))
        return bool(answers.pop())

    markers.Marker.evaluate = evaluate_known


def _variables(parsed: Any) -> Iterator[str]:
    """Yield the names of the variables in a parsed marker."""
    for item in parsed:
        if isinstance(item, list):
            yield from _variables(item)
        elif isinstance(item, tuple):
            yield from (part.value for part in item if isinstance(part, markers.Variable))


def _assume(parsed: Any, unknown: list[str], truth: bool) -> Any:
    """Return a parsed marker with each comparison of an unknown variable replaced by one that is always `truth`."""
    if isinstance(parsed, list):
        return [_assume(item, unknown, truth) for item in parsed]
    if isinstance(parsed, tuple) and set(_variables([parsed])) & set(unknown):
        return (markers.Variable("os_name"), markers.Op("!=" if truth else "=="), markers.Value(""))
    return parsed
