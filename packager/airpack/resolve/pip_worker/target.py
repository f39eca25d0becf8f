"""Gives pip the target's tags and markers in place of its own interpreter's.

pip evaluates markers, chooses tags and compares `Requires-Python` by the Python that it runs under;
`--python-version` and `--platform` change only a part of that.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from airpack.resolve.pip_worker.adapter import Marker, Op, Tag, Value, Variable, get_environment, wrap
from airpack.resolve.pip_worker.events import Failure
from airpack.target.legacy import current_marker

# The forms of a page's links: the key of a link's URL, and of the Pythons that the file is for.
_LINKS = {"json_link": ("url", "requires-python"), "html_link": ("href", "data-requires-python")}
# The name of a wheel at the end of a URL, with its tag (binary distribution format); others are left to pip.
_WHEEL = re.compile(
    r"(?:^|/)(?P<name>[\w.]+-[\w.!+]+-(?:\d[\w.]*-)?(?P<tag>[\w.]+-[\w.]+-[\w.]+)\.whl)(?:#[^?/]*)?$", re.ASCII
)


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
    wrap("evaluate_marker", lambda evaluate: lambda *args, **kwargs: _evaluate(evaluate, environment, *args, **kwargs))


def pass_over_early(tags: Iterable[str], on_link: Callable[[dict[str, str]], object]) -> None:
    """Let pip not see the wheels on a page that the target's `tags` rule out: of most pages, that is most of the links.

    `on_link` is called with each, as what pip passed over. pip would read all that the page tells of it before, which
    takes half the time of a resolve.
    """
    accepted = frozenset(tags)

    @functools.cache
    def fits(tag: str) -> bool:
        return not accepted.isdisjoint(map("-".join, itertools.product(*(part.split(".") for part in tag.split("-")))))

    for form, (url_key, python_key) in _LINKS.items():

        def passing(read: Any, url_key: str = url_key, python_key: str = python_key) -> Any:
            def read_fitting(link: Any, *args: Any, **kwargs: Any) -> Any:
                wheel = _WHEEL.search(str(link.get(url_key) or ""))
                if wheel is None or fits(wheel["tag"].lower()):
                    return read(link, *args, **kwargs)
                python = link.get(python_key) or ""
                on_link({"file": wheel["name"], "requires_python": python, "why": "platform_mismatch"})
                return None

            return read_fitting

        wrap(form, passing)


def _evaluate(
    evaluate: Callable[..., Any], environment: Mapping[str, str], marker: Any, *args: Any, **kwargs: Any
) -> bool:
    """Return whether a marker holds, by pip's own `evaluate`. Raises Failure if that depends on an unknown variable."""
    known = {*environment, "extra", "extras", "dependency_groups"}
    current = current_marker(str(marker), environment)
    if current != str(marker):
        marker = Marker(current)
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
