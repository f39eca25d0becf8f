"""The report of a bundle, in a real browser: `airpack report`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack_runtime import layout
from playwright.sync_api import Browser
from support import browser as browsers
from support import machine
from support.airpack import Airpack
from support.places import once
from support.wheels import build_wheel

pytestmark = pytest.mark.slow

ATTACK = "<script>document.title='owned'</script><img src=x onerror=alert(1)>\"'></style></pre>&lt;"
HIDDEN = "a\N{RIGHT-TO-LEFT OVERRIDE}b\x1b[31m"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Return a browser."""
    with browsers.chromium() as browser:
        yield browser


def _pack(wheels: Path, output: Path, decoder: Path, *words: str) -> None:
    options = ["--no-index", "--find-links", str(wheels), "--decoder", str(decoder), "--no-bytecode", "-q"]
    assert main(["pack", "-o", str(output), *options, *words]) == 0


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory, decoder_wheel: Path) -> Path:
    """Return the results of packing some packages, whose imports were tried."""
    machine.python37()

    def pack(folder: Path) -> None:
        wheels = folder / "wheels"
        licensed = ["License-Expression: MIT", "Summary: The first"]
        files: dict[str, str | bytes] = {
            "one/__init__.py": "import time\ntime.sleep(0.1)\n",
            "one/data.bin": b"\0" * 90_000,
            "one.libs/libblas-0123abcd.so.3.1": b"library",
            "one-1.0.dist-info/LICENSE": "Permission is granted\n\tto anyone.\n",
        }
        build_wheel(wheels, "one", files=files, requires=["two", "three"], metadata=licensed)
        build_wheel(wheels, "two", "2.5", requires=["three"], files={"two.py": "import absent_one\n"})
        build_wheel(wheels, "three", files={"three.py": "#" * 40_000, "LICENSE.txt": "Three's own."})
        _pack(wheels, folder / "dist", decoder_wheel, "one")

    return once(tmp_path_factory, "report", pack) / "dist"


@pytest.fixture(scope="module")
def report(dist: Path) -> Path:
    """Return its report."""
    path = dist.parent / "report.html"
    assert main(["report", str(dist), "-q", "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, decoder_wheel: Path) -> Path:
    """Return the report of a bundle that attacks whoever looks at it, wherever it may name something."""

    def pack(folder: Path) -> None:
        wheels = folder / "wheels"
        attack = ATTACK.replace("/", "\N{FRACTION SLASH}")
        files: dict[str, str | bytes] = {
            "one.py": "",
            f"one/{attack}.py": "",
            f"one/{attack}/large.so": b"\0" * 90_000,
            f"one.libs/{attack}-0123abcd.so.1": b"",
            "one-1.0.dist-info/LICENSE": f"{ATTACK}\n{HIDDEN}",
            f"one-1.0.dist-info/licenses/{attack}": f"</pre></details>{ATTACK}",
        }
        said = [f"Summary: {ATTACK}", f"License: {ATTACK}", f"Classifier: License :: {ATTACK}"]
        build_wheel(wheels, "one", files=files, metadata=said, requires=["two"])
        build_wheel(wheels, "two", metadata=[f"License: {HIDDEN}", "Home-page: javascript:alert(1)"])
        _pack(wheels, folder / "dist", decoder_wheel, "one", "--no-import")
        manifest = (folder / "dist" / "manifest.json").read_text()
        told = json.loads(manifest)
        told["toolchain"]["pip"] = told["creator"] = ATTACK
        for package in told["packages"]:
            package["origin"] = f"javascript:{ATTACK}"
        (folder / "dist" / "manifest.json").write_text(json.dumps(told))
        tried = {"module": ATTACK, "package": ATTACK, "started": 0, "took": 1 << 60, "error": ATTACK}
        proof = {"version": 1, "digest": told["bundle"]["digest"], "python": ATTACK, "imports": [tried]}
        (folder / "dist" / "imports.json").write_text(json.dumps(proof))
        golden = str(machine.FIXTURES / "golden" / layout.BUNDLE_NAME)
        words = ["report", str(folder / "dist"), "-q", "-o", str(folder / "report.html"), "--against", golden]
        assert main(words) == 0

    return once(tmp_path_factory, "hostile-report", pack) / "report.html"


def test_its_figures_are_those_of_inspect(airpack: Airpack, chromium: Browser, dist: Path, report: Path) -> None:
    """The whole bundle's, and each package's, with its hash; nothing is asked for but the page."""
    assert airpack("inspect", dist, "--json") == 0
    seen = browsers.opened(chromium, report)
    assert browsers.figures(seen.page) == browsers.told_by_inspect(json.loads(airpack.out))
    assert seen.page.inner_text("#n-findings") == "0"
    assert (seen.complaints, seen.wanted) == ([], [report.as_uri()])


def test_it_tells_why_each_package_is_there_and_what_is_in_it(chromium: Browser, report: Path) -> None:
    """What asked for it, the graph, libraries in wheels, texts of licences, imports with their errors."""
    page = browsers.opened(chromium, report).page
    assert "asked" in page.inner_text('[data-package="one"]')
    assert "for one, two" in page.inner_text('[data-package="three"]').replace("\n", " ")
    assert page.locator(".graph a").all_text_contents() == ["one", "three", "two"]
    assert page.locator(".graph path").count() == 3
    licences = page.locator("section[aria-labelledby=licences] tbody tr").all_inner_texts()
    assert [" ".join(text.split()) for text in licences] == ["MIT one", "not recorded three, two"]
    assert "libblas" in page.inner_text("section[aria-labelledby=libraries]")
    imports = page.inner_text("section[aria-labelledby=imports]")
    assert "No module named 'absent_one'" in imports
    assert page.locator(".waterfall tbody tr").count() == 3
    text = page.locator("details.text", has_text="LICENSE.txt")
    assert not text.locator("pre").is_visible()
    text.locator("summary").click()
    text.locator("pre").wait_for(state="visible")
    assert text.locator("pre").inner_text() == "Three's own."
    titles = page.locator(".map.wide title").all_text_contents()
    assert "lib/python3.7/site-packages/one/data.bin, 90.0 kB" in titles


def test_what_a_hostile_bundle_says_runs_nothing(chromium: Browser, hostile: Path) -> None:
    """Names, metadata, licences, manifest and proof are shown as they are, without what would hide or turn text."""
    seen = browsers.opened(chromium, hostile)
    page = seen.page
    page.locator("summary").first.click()
    page.wait_for_timeout(200)
    assert page.title() == "Bundle for cp37-manylinux_2_27_x86_64: one"
    assert (seen.complaints, seen.wanted) == ([], [hostile.as_uri()])
    assert page.locator("script, img, iframe, object, embed, form, link, base").count() == 0
    attributes = page.evaluate("[...document.querySelectorAll('*')].flatMap(each => each.getAttributeNames())")
    assert not [name for name in attributes if name.startswith("on") or name in ("style", "src", "srcdoc")]
    assert {url.partition("#")[0] for url in page.evaluate("[...document.links].map(a => a.href)")} == {
        hostile.as_uri()
    }
    # Of an origin, what may be a secret isn't shown, such as all that follows a blank behind a "=".
    for place in ('[data-package="one"] small', '[data-change="one"]'):
        assert ATTACK.partition("</")[0] in page.inner_text(place)
    shown = page.content()
    assert not re.search("[\N{RIGHT-TO-LEFT OVERRIDE}\x1b]", shown)
    assert page.locator("pre", has_text="a\N{REPLACEMENT CHARACTER}b").count() == 1


def test_the_page_itself_forbids_what_it_does_not_need(chromium: Browser, report: Path) -> None:
    """Were something injected after all: no script runs, no style applies, nothing loads."""
    seen = browsers.opened(chromium, report)
    page = seen.page
    page.evaluate("""() => {
        document.body.insertAdjacentHTML("beforeend", "<img src='http://127.0.0.1:1/x' onerror='document.title=1'>");
        const script = document.createElement("script");
        script.textContent = "document.title = 'owned'";
        const style = document.createElement("style");
        style.textContent = "body { display: none }";
        document.body.append(script, style);
        document.body.setAttribute("style", "display: none");
    }""")
    seen.wait_for_complaints(4)
    assert page.title().startswith("Bundle for")
    assert page.evaluate("getComputedStyle(document.body).display") == "block"
    assert seen.loaded == [report.as_uri()]
    assert all("Content Security Policy" in each for each in seen.complaints)


def test_both_themes_can_be_read(chromium: Browser, report: Path) -> None:
    """Light and dark, as the reader's system has it; all text has a contrast of 4.5 (WCAG 2.2, AA)."""
    grounds = []
    for theme in browsers.THEMES:
        page = browsers.opened(chromium, report, theme=theme).page
        grounds.append(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
        assert page.evaluate(browsers.CONTRASTS)[0] >= 4.5
        assert len(page.screenshot()) > 10_000
    assert len(set(grounds)) == 2


@pytest.mark.parametrize("width", [400, 720, 721, 1400])
def test_it_fits_the_screen(chromium: Browser, report: Path, hostile: Path, width: int) -> None:
    """From a telephone's on, without scrolling sideways; the treemap has a form for a narrow one."""
    for path in (report, hostile):
        page = browsers.opened(chromium, path, width=width).page
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.locator(".map.narrow").is_visible() == (width <= 720)
        assert page.locator(".map.wide").is_visible() == (width > 720)


def test_it_is_read_by_keyboard_and_without_scripts(chromium: Browser, report: Path) -> None:
    """Tab reaches packages of the graph, whose lines stand out then, and licences, which Enter opens."""
    page = browsers.opened(chromium, report).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the packages"
    page.locator(".scroll").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "g0"
    strokes = page.evaluate("[...document.querySelectorAll('.graph path')].map(e => getComputedStyle(e).strokeWidth)")
    assert sorted(strokes) == ["1.1px", "2px", "2px"]
    page.keyboard.press("Enter")
    page.wait_for_url("**#p0")  # the browser follows the link after the key was taken
    page.locator("details.text summary").first.focus()
    page.keyboard.press("Enter")
    page.locator("details.text pre").first.wait_for(state="visible")
    quiet = browsers.opened(chromium, report, scripts=False).page
    assert quiet.inner_text("h1") == "one"


def test_all_of_it_is_printed(chromium: Browser, report: Path) -> None:
    """The texts of licences, too, which are folded on the screen."""
    page = browsers.opened(chromium, report).page
    shown = "getComputedStyle(document.querySelector('details.text'), '::details-content').contentVisibility"
    assert page.evaluate(shown) == "hidden"
    page.emulate_media(media="print")
    assert page.evaluate(shown) == "visible"
    assert page.pdf().startswith(b"%PDF-")


def test_findings_are_those_of_the_audit(airpack: Airpack, chromium: Browser, wheels: Path, tmp_path: Path) -> None:
    """Each with its gravity; of a bundle without its wheels, that there was none."""
    build_wheel(wheels, "one", files={"one.py": "", "secrets.py": ""})
    assert airpack.pack("one", "--no-bytecode", "--no-import") == 0
    airpack("audit", airpack.output, "--json")
    told = json.loads(airpack.out)
    assert told
    assert airpack("report", airpack.output, "-o", tmp_path / "report.html", "--json") == 0, airpack.err
    assert json.loads(airpack.out)["result"]["findings"] == len(told)
    page = browsers.opened(chromium, tmp_path / "report.html").page
    expected = [f"{each['severity']} {each['package']} {each['sentence']}: {each['remedy']}" for each in told]
    assert [" ".join(text.split()) for text in page.locator(".findings li").all_inner_texts()] == expected
    bundle = airpack.output / layout.BUNDLE_NAME
    assert airpack("report", bundle, "-o", tmp_path / "report.html") == 0
    assert ", not audited, " in airpack.out
    page = browsers.opened(chromium, tmp_path / "report.html").page
    assert "The audit was not made" in page.inner_text("section[aria-labelledby=findings]")
    assert "No proof by import" in page.inner_text("section[aria-labelledby=imports]")


def test_what_differs_from_another_bundle(airpack: Airpack, chromium: Browser, wheels: Path, tmp_path: Path) -> None:
    """The packages that `diff` names, with full hashes; and that nothing does."""
    for number, version in enumerate(("1.0", "1.1")):
        folder = wheels / str(number)
        build_wheel(folder, "one", version, requires=["two"] if number else ["gone"])
        build_wheel(folder, "two" if number else "gone")
        words = [
            "--no-index",
            "--find-links",
            folder,
            "--decoder",
            airpack.decoder,
            "--no-import",
            "--no-bytecode",
            "-q",
        ]
        assert airpack("pack", "one", "-o", tmp_path / version, *words) == 0, airpack.err
    assert airpack("diff", tmp_path / "1.0", tmp_path / "1.1", "--json") == 1
    told = json.loads(airpack.out)["packages"]
    words = ["report", tmp_path / "1.1", "-o", tmp_path / "report.html", "--against"]
    assert airpack(*words, tmp_path / "1.0") == 0, airpack.err
    page = browsers.opened(chromium, tmp_path / "report.html").page
    seen = {
        each.get_attribute("data-change"): (each.inner_text(), each.get_attribute("class"))
        for each in page.query_selector_all("article")
    }
    assert {name: kind for name, (_, kind) in seen.items()} == {each["name"]: f"change {each['kind']}" for each in told}
    for each in told:
        for side in filter(None, (each["old"], each["new"])):
            assert side["sha256"] in seen[each["name"]][0]
    assert airpack(*words, tmp_path / "1.1") == 0
    page = browsers.opened(chromium, tmp_path / "report.html").page
    assert "the other bundle has the same digest" in page.inner_text("section[aria-labelledby=changes]")


def test_the_same_bundle_gives_the_same_page(airpack: Airpack, dist: Path, report: Path, tmp_path: Path) -> None:
    """It replaces an older report, and nothing else."""
    assert airpack("report", dist, "-o", tmp_path / "again.html") == 0
    assert airpack("report", dist, "-o", tmp_path / "again.html") == 0
    assert (tmp_path / "again.html").read_bytes() == report.read_bytes()
    (tmp_path / "mine.html").write_text("<!doctype html>\n<title>mine</title>\n")
    assert airpack("report", dist, "-o", tmp_path / "mine.html") == 1
    assert airpack.error == (
        f"airpack: error: {tmp_path}/mine.html is not a report: give --output another name, or move it away"
    )
    assert airpack("report", tmp_path / "nothing", "-o", tmp_path / "new.html") == 1
    assert not (tmp_path / "new.html").exists()
