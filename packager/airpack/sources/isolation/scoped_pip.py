"""An index for certain projects, and no other, in the pip of a build's environment, whichever version that is.

pip has no setting for it. The environment's pip is a copy, to which the few lines are added that choose: so they hold
for each pip that pip itself starts as well, and for one that a build starts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from build import BuildException

Scopes = Sequence[Mapping[str, Any]]  # each has the `url` of an index and the patterns of its `projects`
FILE = "AIRPACK_PIP_SCOPES"  # names a file with the URLs, in the scopes' order; without it their projects have no index
_MODULE = "lib/*/site-packages/pip/_internal/models/search_scope.py"
_LINES = """

def _scoped(locate, scopes={scopes!r}):
    import fnmatch, json, os

    def located(self, project_name):
        name = canonicalize_name(project_name)
        no_index = getattr(self, "no_index", not self.index_urls)  # of pip 22.2 and newer
        for number, patterns in enumerate(() if no_index else scopes):
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
                if {file!r} not in os.environ:
                    return []
                with open(os.environ[{file!r}], encoding="utf-8") as file:
                    return [json.load(file)[number].rstrip("/") + "/" + name + "/"]
        return locate(self, project_name)

    return located


SearchScope.get_index_urls_locations = _scoped(SearchScope.get_index_urls_locations)
"""


def scope(env: Path, scopes: Scopes) -> None:
    """Let the pip in the virtual environment `env` heed the `scopes`. Raises BuildException if it can't."""
    if not scopes:
        return
    module = next(env.glob(_MODULE), None)
    if module is None:
        reason = "its Python brings a pip of before 2019, which knows no index for certain projects"
        raise BuildException(f"{reason}: give --python PATH to a newer release of it")
    with open(module, "a", encoding="utf-8") as code:
        code.write(_LINES.format(scopes=[list(each["projects"]) for each in scopes], file=FILE))


def dumps(urls: Sequence[str]) -> str:
    """Return the text of the file that tells the URLs of the scopes."""
    return json.dumps(urls)
