"""Looks at the built book in headless Chromium: accessibility, links, things cut off, weight; pictures of each page.

The browser is spoken to over two pipes in the Chrome DevTools Protocol
(https://chromedevtools.github.io/devtools-protocol/), which needs nothing beyond the standard library.
Accessibility is judged by axe-core (`tests/axe`).
"""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import re
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ssllib import paths
from ssllib.errors import InputError

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars --mute-audio "
    "--allow-file-access-from-files --remote-debugging-pipe"
).split()
WIDTHS = (1400, 400)
THEMES = ("light", "dark")
#: Most that a page may fetch, its own figures left out, in bytes before any compression.
MOST = 1_500_000


def chromium() -> str | None:
    """The installed Chromium or Chrome: `$CHROMIUM`, else the first of the usual names that is there."""
    named = os.environ.get("CHROMIUM")
    mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    return named or next((found for name in (*CHROMIUM, mac) if (found := shutil.which(name))), None)


class Browser:
    """One headless browser with one tab; a context manager. Raises InputError where none is installed."""

    def __init__(self) -> None:
        program = chromium()
        if program is None:
            raise InputError(
                f"no Chromium found (looked for {', '.join(CHROMIUM)}); install one or set CHROMIUM to its path"
            )
        self.profile = tempfile.mkdtemp(prefix="look-")
        to_read, self.to = os.pipe()
        self.come_from, to_write = os.pipe()

        def connect() -> None:  # the browser reads commands from descriptor 3 and writes answers to 4
            a, b = os.dup(to_read), os.dup(to_write)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={self.profile}", "about:blank"],
            close_fds=False,
            preexec_fn=connect,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self.number, self.rest, self.session = 0, b"", ""
        self.events: list[dict[str, Any]] = []
        try:
            tab = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
            attached = self.call("Target.attachToTarget", targetId=tab["targetId"], flatten=True)
            self.session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Network", "Log"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.to)
        os.close(self.come_from)
        shutil.rmtree(self.profile, ignore_errors=True)

    def _next(self, seconds: float) -> dict[str, Any]:
        """The next message of the browser. Raises TimeoutError after so many seconds without a whole one."""
        end = time.monotonic() + seconds
        while b"\0" not in self.rest:
            if not select.select([self.come_from], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError(f"the browser said nothing for {seconds:.0f} s")
            part = os.read(self.come_from, 1 << 20)
            if not part:
                raise RuntimeError("the browser has stopped")
            self.rest += part
        message, _, self.rest = self.rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def call(self, method: str, seconds: float = 180, **parameters: Any) -> dict[str, Any]:
        """Sends a command and gives its result; events that come meanwhile are kept in `events`."""
        self.number += 1
        line: dict[str, Any] = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            line["sessionId"] = self.session
        data = json.dumps(line).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data) :]
        while True:
            message = self._next(seconds)
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                result: dict[str, Any] = message["result"]
                return result
            self.events.append(message)

    def evaluate(self, source: str, seconds: float = 180) -> Any:
        """The value of a JavaScript expression in the page; of a promise, what it resolves to."""
        found = self.call(
            "Runtime.evaluate", seconds, expression=source, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"].get("exception", {}).get("description", found)))
        return found["result"].get("value")

    def open(self, page: Path, width: int = 1400, theme: str = "light", height: int = 900) -> None:
        """Loads a page at a width in CSS pixels and a theme, and waits until its formulas are set."""
        self.events.clear()
        self._window(width, height)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
        choose = f"try {{ localStorage.mode = localStorage.theme = {theme!r} }} catch (_) {{}}"
        script = self.call("Page.addScriptToEvaluateOnNewDocument", source=choose)["identifier"]
        gone = self.call("Page.navigate", url=page.resolve().as_uri())
        if "errorText" in gone:
            raise RuntimeError(f"{page}: {gone['errorText']}")
        end = time.monotonic() + 120
        while not any(e["method"] == "Page.loadEventFired" for e in self.events):
            if (left := end - time.monotonic()) <= 0:
                raise TimeoutError(f"{page} did not load")
            self.events.append(self._next(left))
        self.evaluate(SETTLE)
        self.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)

    def _window(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def show(self, width: int, theme: str, height: int = 900) -> None:
        """The page that is open at another width or in another theme."""
        self._window(width, height)
        self.evaluate(f"for (const of of ['theme', 'mode']) document.documentElement.dataset[of] = {theme!r}")
        self.evaluate("new Promise((done) => setTimeout(done, 400))")  # what waits for the end of a resize


SETTLE = """(async () => {
  if (window.MathJax && MathJax.startup && MathJax.startup.promise) await MathJax.startup.promise;
  for (const i of document.images) i.loading = "eager";
  await Promise.all([...document.images].map((i) => i.decode().catch(() => null)));
  await document.fonts.ready;
  await new Promise((done) => setTimeout(done, 50));
})()"""

# What a page holds: its links and the places they can lead to, its pictures.
HOLDS = """(() => ({
  links: [...document.querySelectorAll("a[href]")].map((a) => [a.href, a.getAttribute("href")]),
  ids: [...document.querySelectorAll("[id], a[name]")].map((e) => e.id || e.name),
  pictures: [...document.images].map((i) =>
    [i.getAttribute("src"), i.getAttribute("alt"), i.complete && i.naturalWidth > 0]),
  math: document.querySelectorAll("mjx-merror, [data-mjx-error]").length,
}))()"""

# Text and pictures that reach beyond the window where nothing scrolls, or that a box cuts off.
CUT = """(() => {
  const wide = document.documentElement.clientWidth, found = [];
  const say = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + " " +
    (e.textContent || e.getAttribute("src") || "").trim().replace(/\\s+/g, " ").slice(0, 60);
  const page = document.querySelector(".bd-article") || document.body;
  if (document.documentElement.scrollWidth > wide + 1) found.push("the page is wider than the window");
  for (const e of page.querySelectorAll("*")) {
    if (e.closest("mjx-assistive-mml, svg *, .visually-hidden, .headerlink, dialog, [hidden]")) continue;
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own && !["IMG", "CANVAS", "SVG", "MJX-CONTAINER", "INPUT", "svg"].includes(e.tagName)) continue;
    if (!e.checkVisibility({checkOpacity: true, checkVisibilityCSS: true})) continue;
    const box = e.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    let scrolls = false, edge = wide;
    for (let p = e; p && p !== document.documentElement; p = p.parentElement) {
      const style = getComputedStyle(p);
      if (["auto", "scroll"].includes(style.overflowX) && style.display !== "inline") { scrolls = true; break; }
      const hides = ["hidden", "clip"].includes(style.overflowX) && p !== e;
      if (hides) edge = Math.min(edge, p.getBoundingClientRect().right);
    }
    if (!scrolls && box.right > edge + 1) found.push(say(e));
  }
  return found;
})()"""

AXE_ALL = '{type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}'
AXE_CONTRAST = '{type: "rule", values: ["color-contrast", "link-in-text-block"]}'
AXE = """axe.run(document, {resultTypes: ["violations"], runOnly: RULES}).then((r) =>
  r.violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => [v.id, v.help, v.nodes.length,
    v.nodes.slice(0, 3).map((n) =>
      n.target.join(" ") + ": " + n.any.concat(n.all, n.none).map((c) => c.message).join("; "))]))"""


@dataclasses.dataclass(frozen=True)
class Fault:
    """Something wrong on a page: its name, how it was looked at, the kind of fault, and the fault in words."""

    page: str
    view: str
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page} ({self.view}): {self.kind}: {self.text}"


def pages(built: Path) -> list[Path]:
    """The pages of a built book (a folder of HTML files), without the redirect at its root and the indexes."""
    if not (built / "index.html").exists():
        raise InputError(f"no built book at {built}; build it first with `make book` or `make html`")
    indexes = {"index.html", "genindex.html", "prf-prf.html"}
    found = [f for f in sorted(built.rglob("*.html")) if "_static" not in f.parts and f.name not in indexes]
    return [f for f in found if f.name != "print.html"]


def newest() -> Path:
    """The book built last in this checkout, by `make book` or `make html`. Raises InputError where there is none."""
    build = paths.project_dir() / "_build"
    found = [f for f in (build / "live/_build/html", build / "html") if (f / "index.html").exists()]
    if not found:
        raise InputError("no built book; build it first with `make book` or `make html`")
    return max(found, key=lambda f: (f / "searchindex.js").stat().st_mtime)


def axe_source() -> str:
    """The text of axe-core. Raises InputError outside a checkout, which alone has it."""
    return (paths.project_dir() / "tests" / "axe" / "axe.min.js").read_text()


def _weight(name: str, view: str, browser: Browser) -> Iterator[Fault]:
    """A page that fetched more than `MOST` bytes, pictures left out, by the events of its load."""
    files = {
        e["params"]["response"]["url"]
        for e in browser.events
        if e["method"] == "Network.responseReceived" and e["params"]["type"] != "Image"
    }
    local = [Path(unquote(urlsplit(url).path)) for url in files if url.startswith("file:")]
    sizes = sorted(((path.stat().st_size, path.name) for path in local if path.exists()), reverse=True)
    total = sum(size for size, _ in sizes)
    if total > MOST:
        yield Fault(name, view, "weight", f"{total} bytes: {', '.join(f'{n} {b}' for b, n in sizes[:4])}, ...")


def _of_load(name: str, view: str, events: Sequence[dict[str, Any]]) -> Iterator[Fault]:
    """What the browser itself complained of while it loaded the page."""
    for e in events:
        given = e.get("params", {})
        if e["method"] == "Runtime.exceptionThrown":
            details = given["exceptionDetails"]
            yield Fault(name, view, "script", str(details.get("exception", {}).get("description", details["text"])))
        elif e["method"] == "Network.loadingFailed" and not given.get("canceled"):
            yield Fault(name, view, "load", f"{given.get('type')}: {given.get('errorText')}")


def _links(built: Path, holds: dict[Path, dict[str, Any]]) -> Iterator[Fault]:
    """Links inside the book that lead nowhere: no such file, or no such place in it."""
    for page, held in holds.items():
        name = page.relative_to(built).as_posix()
        for address, written in {tuple(link) for link in held["links"]}:
            parts = urlsplit(address)
            if parts.scheme in ("http", "https", "mailto", "data", "javascript", "blob"):
                continue
            target = Path(unquote(parts.path))
            if str(written).startswith("/"):  # from the root of the site, as the 404 page must
                target = built / unquote(parts.path).lstrip("/")
            if parts.scheme != "file" or not target.exists():
                yield Fault(name, "links", "link", f"{written} leads to no file")
            elif parts.fragment and target.suffix == ".html":
                places = holds.get(target.resolve(), {}).get("ids")
                if places is None:
                    places = re.findall(r'\bid="([^"]+)"', target.read_text())
                fragment = unquote(parts.fragment)
                if fragment not in places and not fragment.startswith((":~:", "?")):
                    yield Fault(name, "links", "link", f"{written} leads to no place in {target.name}")


def _pictures(name: str, pictures: Sequence[Sequence[Any]]) -> Iterator[Fault]:
    """Pictures that do not load or whose text is missing or the name of a file."""
    for source, alt, there in pictures:
        if not there:
            yield Fault(name, "pictures", "picture", f"{source} does not load")
        if alt is None or re.search(r"\.(png|svg|jpe?g|webp)$|_images/", alt or ""):
            yield Fault(name, "pictures", "alt", f"{source} has the text {alt!r}")


def faults(
    built: Path,
    shots: Path | None = None,
    say: Callable[[str], object] = lambda line: None,
    only: Sequence[str] = (),
) -> list[Fault]:
    """Looks at each page of a built book at both widths and in both themes.

    `shots`: folder for pictures of the pages, none if left out. `only`: parts of the names of the pages to look at,
    all if empty. `say` is told each page's name when it is done. Returns the faults found:
    axe-core's serious and critical ones in each view, links inside the book that lead nowhere, pictures without a
    text, formulas that failed, scripts that raised, things cut off at any width, pages heavier than `MOST` bytes.
    """
    axe, found, holds = axe_source(), [], {}
    chosen = [p for p in pages(built) if not only or any(part in p.as_posix() for part in only)]
    if not chosen:
        raise InputError(f"no page of {built} has {' or '.join(only)} in its name; allowed: parts such as theory/")
    with Browser() as browser:
        for page in chosen:
            name = page.relative_to(built).with_suffix("").as_posix()
            for width in WIDTHS:
                for theme in THEMES:
                    view = f"{width} px, {theme}"
                    if (width, theme) == (WIDTHS[0], THEMES[0]):
                        browser.open(page, width, theme)
                        here = [*_of_load(name, view, browser.events), *_weight(name, view, browser)]
                        held = holds[page.resolve()] = browser.evaluate(HOLDS)
                        here += _pictures(name, held["pictures"])
                        here += [Fault(name, view, "math", "a formula failed")] * held["math"]
                        browser.evaluate(f"{axe};0")
                    else:
                        browser.show(width, theme)
                    here += [Fault(name, view, "cut", what) for what in browser.evaluate(CUT)]
                    if shots:
                        _shoot(browser, shots / f"{name.replace('/', '-')}-{width}-{theme}", width)
                    rules = AXE_CONTRAST if theme == "dark" else AXE_ALL  # a theme changes colours only
                    for rule, help_, count, where in browser.evaluate(AXE.replace("RULES", rules), 600):
                        here += [Fault(name, view, f"axe {rule}", f"{help_} ({count}): {' | '.join(where)}")]
            found += here
            for fault in here:
                say(str(fault))
            say(name)
    return found + list(_links(built.resolve(), holds))


def _shoot(browser: Browser, start: Path, width: int, most: int = 8000) -> None:
    """Pictures of the whole page, from top to bottom, in pieces of at most so many pixels."""
    start.parent.mkdir(parents=True, exist_ok=True)
    height = int(browser.evaluate("document.documentElement.scrollHeight"))
    for number, top in enumerate(range(0, height, most), start=1):
        clip = {"x": 0, "y": top, "width": width, "height": min(most, height - top), "scale": 1}
        shot = browser.call(
            "Page.captureScreenshot", format="webp", quality=70, clip=clip, captureBeyondViewport=True
        )
        start.with_name(f"{start.name}-{number}.webp").write_bytes(base64.b64decode(shot["data"]))
