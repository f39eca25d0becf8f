"""Reports of real bundles in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airpack.cli.app import main
from support import browser as browsers
from support import machine
from support.places import once

from .conftest import PACK

pytestmark = pytest.mark.network

_MOST = 1_500_000  # bytes of a page


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of packing the fixture `server`."""

    def pack(folder: Path) -> None:
        requirements = str(machine.FIXTURES / "server" / "requirements.txt")
        assert main([*PACK, "-r", requirements, "-o", str(folder / "dist")]) == 0

    return once(tmp_path_factory, "server", pack) / "dist"


@pytest.mark.parametrize("name", ["science", "server"])
def test_the_report_of_a_real_bundle_opens_without_a_network(
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    older: Path,
    name: str,
) -> None:
    """It has at most 1.5 MB and no complaint, fits 400 pixels, and its figures are those of `inspect`."""
    dist, path = request.getfixturevalue(name), tmp_path / "report.html"
    assert main(["report", str(dist), "-q", "-o", str(path), "--against", str(older)]) == 0
    assert path.stat().st_size <= _MOST
    capsys.readouterr()
    assert main(["inspect", str(dist), "--json"]) == 0
    told = browsers.told_by_inspect(json.loads(capsys.readouterr().out))
    with browsers.chromium() as browser:
        for theme, width in zip(browsers.THEMES, (1120, 400), strict=True):
            seen = browsers.opened(browser, path, width=width, theme=theme)
            assert browsers.figures(seen.page) == told
            assert seen.page.evaluate("document.documentElement.scrollWidth") == width
            assert seen.page.evaluate(browsers.CONTRASTS)[0] >= 4.5
            assert len(seen.page.screenshot(full_page=True)) > 50_000
            assert seen.page.locator(".waterfall tbody tr").count() > 0
            assert (seen.complaints, seen.wanted) == ([], [path.as_uri()])
