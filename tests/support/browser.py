"""A page in a real Chromium, without a network: what it shows, and what it tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Dialog, Locator, Page, sync_playwright

from support import machine

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")


@dataclass(kw_only=True, slots=True)
class Opened:
    """A page that was opened: `complaints` are what it wrote to the console, or asked the reader.

    `wanted` are the URLs that it asked for, `loaded` those that it got.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Note what the page does from now on."""

        def dismiss(dialog: Dialog) -> None:
            self.complaints.append(dialog.message)
            dialog.dismiss()

        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", dismiss)
        self.page.on("request", lambda request: self.wanted.append(request.url))
        self.page.on("requestfinished", lambda request: self.loaded.append(request.url))

    def wait_for_complaints(self, count: int) -> None:
        """Return when the page has complained so often; fail if it doesn't within ten seconds."""
        for _ in range(100):
            if len(self.complaints) >= count:
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"{len(self.complaints)} complaints, not {count}: {self.complaints}")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium without a window, and end it after the block; skip the test where there is none."""
    program = machine.tool("chromium")
    with sync_playwright() as playwright:
        # Its sandbox needs another user than root; its proxy is a port that nobody listens on.
        options = ["--no-sandbox", "--proxy-server=127.0.0.1:9", "--proxy-bypass-list=<-loopback>"]
        browser = playwright.chromium.launch(executable_path=program, args=options)
        try:
            yield browser
        finally:
            browser.close()


def opened(browser: Browser, file: Path, *, width: int = 1120, theme: Theme = "light", scripts: bool = True) -> Opened:
    """Open a file on a screen of this width."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=theme, offline=True, java_script_enabled=scripts
    )
    seen = Opened(page=context.new_page())
    seen.listen()
    seen.page.goto(file.as_uri())
    return seen


def figures(page: Page) -> dict[str, object]:
    """Return the figures of a report: of the whole bundle, and of each package."""
    heads = {name: _value(page, f"#n-{name}") for name in ("packages", "size", "unpacked", "files")}
    packages = {
        str(row.get_attribute("data-package")): (
            row.locator('[data-label="version"]').inner_text(),
            _value(row, ".packed"),
            _value(row, ".unpacked"),
        )
        for row in page.locator("[data-package]").all()
    }
    hashes = {
        str(row.get_attribute("data-wheel")): row.locator(".sha256").inner_text()
        for row in page.locator("[data-wheel]").all()
    }
    return {**heads, "digest": page.inner_text(".digest"), "each": packages, "hashes": hashes}


def told_by_inspect(about: Mapping[str, Any]) -> dict[str, object]:
    """Return the same figures as `airpack inspect --json` tells them."""
    packages = about["packages"]
    return {
        "packages": len(packages),
        "size": about["size"],
        "unpacked": about["unpacked_size"],
        "files": about["files"],
        "digest": about["digest"],
        "each": {each["name"]: (each["version"], each["packed_size"], each["unpacked_size"]) for each in packages},
        "hashes": {each["name"]: f"sha256:{each['sha256']}" for each in packages},
    }


def _value(inside: Page | Locator, selector: str) -> int:
    """Return the number that an element carries."""
    return int(inside.locator(f"{selector} data").get_attribute("value") or "")


# Returns the contrast of each kind of text on the page with what lies behind it (WCAG 2.2, 1.4.3), the smallest first.
CONTRASTS = """() => {
    const channel = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const light = rgb => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
    const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
    const behind = element => {
        for (let each = element; each; each = each.parentElement) {
            const rgb = numbers(getComputedStyle(each).backgroundColor);
            if (rgb.length === 3 || rgb[3] === 1) return rgb;
        }
        return [255, 255, 255];
    };
    const found = [];
    for (const element of document.querySelectorAll("body *:not(svg *)")) {
        if (![...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())) continue;
        const both = [numbers(getComputedStyle(element).color), behind(element)].map(light).sort((a, b) => b - a);
        found.push((both[0] + 0.05) / (both[1] + 0.05));
    }
    return found.sort((a, b) => a - b);
}"""
