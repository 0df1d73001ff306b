"""What a reader can stumble over on a page. Each check looks at an open page and returns its problems, in words."""

from __future__ import annotations

import html
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from playwright.sync_api import BrowserContext, Page

LOCAL = ("file", "data", "blob", "about")
"""Schemes that need no network."""


class Reader:
    """A tab that opens one page after another; `troubles` are those of the page that is open, and grow while it is used."""

    def __init__(self, context: BrowserContext) -> None:
        self.tab: Page = context.new_page()
        self.troubles: list[str] = []
        self.tab.on("console", lambda message: message.type == "error" and self.troubles.append(f"console: {message.text}"))
        self.tab.on("pageerror", lambda error: self.troubles.append(f"script: {error}"))
        self.tab.on("requestfailed", self.note_failure)
        self.tab.on("request", self.note_call_abroad)

    def note_failure(self, request) -> None:
        # Chromium drops a video's request once it has read enough of it, and calls that aborted.
        if not (request.resource_type == "media" and request.failure == "net::ERR_ABORTED"):
            self.troubles.append(f"{request.failure}: {request.url[:200]}")

    def note_call_abroad(self, request) -> None:
        if urlsplit(request.url).scheme not in LOCAL:
            self.troubles.append(f"asks the network for {request.url}")

    def open(self, address: str) -> None:
        """Open a page and wait until its files are read, its equations drawn, and its scripts at rest."""
        self.tab.goto("about:blank")
        self.troubles.clear()
        self.tab.goto(address)
        self.tab.evaluate("""async () => {
            await window.MathJax?.startup?.promise;
            await document.fonts.ready;
            await new Promise(requestIdleCallback);
        }""")


def dead_links(tab: Page, site: Path) -> list[str]:
    """Links, images, videos, scripts and styles that lead to nothing in the site; links to the web are not followed."""
    links = tab.evaluate("""() => ['href', 'src', 'poster', 'data', 'action'].flatMap(name =>
        [...document.querySelectorAll(`[${name}]`)].map(e => [e.localName, e.getAttribute(name)]))
        .filter(([element, link]) => !link.startsWith('data:'))""")
    problems = []
    for element, link in links:
        address = urlsplit(urljoin(tab.url, link))
        file = Path(unquote(address.path))
        if address.scheme in ("http", "https"):
            if element != "a":
                problems.append(f"<{element}> takes {link} from the network")
        elif address.scheme != "file":
            problems.append(f"{link} is neither in the site nor on the web")
        elif not file.is_relative_to(site) or not file.is_file():
            problems.append(f"{link} leads to no file of the site")
        elif file.suffix == ".html" and address.fragment and unquote(address.fragment) not in anchors(file):
            problems.append(f"{link} leads to no place in {file.name}")
    return problems


@cache
def anchors(file: Path) -> set[str]:
    return {html.unescape(name) for name in re.findall(r'\sid="([^"]+)"', file.read_text("utf-8"))}


def prose(tab: Page) -> list[str]:
    """The visible text of the page, piece by piece, without code."""
    return tab.evaluate("""() => {
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), pieces = [];
        while (walker.nextNode()) {
            const parent = walker.currentNode.parentElement;
            if (parent.checkVisibility() && !parent.closest('pre, code, script, style')) pieces.push(walker.currentNode.data);
        }
        return pieces;
    }""")


def raw_equations(tab: Page) -> list[str]:
    """Equations that MathJax has not drawn, or has drawn with an error in them, and TeX in the prose."""
    undrawn = tab.evaluate("""() => [...document.querySelectorAll('.math, mjx-container')].filter(e => {
        const drawn = e.closest('mjx-container') ?? e.querySelector('mjx-container'), box = drawn?.getBoundingClientRect();
        return e.checkVisibility() && !(box?.width && box.height && !drawn.querySelector('mjx-merror, [data-mjx-error]'));
    }).map(e => e.textContent.trim())""")
    tex = [text.strip() for text in prose(tab) if re.search(r"\$\$|\\[a-zA-Z([{]", text)]
    return [f"not typeset: {text[:80]}" for text in [*undrawn, *tex]]


def bad_references(tab: Page) -> list[str]:
    """References that were not resolved, and figures and tables whose caption does not begin with their number."""
    unresolved = tab.evaluate("""() => [...document.querySelectorAll(
        '.xref.std, .xref.eq, .bibtex-citation:not(:has(a))')].map(e => e.textContent)""")
    roles = r"\?\?|\bnumref\b|\{(?:eq|cite|ref|doc|term|glue)\b"
    unresolved += [text.strip() for text in prose(tab) if re.search(roles, text)]
    captions = tab.evaluate("""() => [...document.querySelectorAll('article figure, article table > caption')].map(
        e => (e.localName == 'figure' ? e.querySelector('figcaption')?.textContent ?? '' : e.textContent).trim())""")
    unnumbered = [text for text in captions if not re.match(r"(Fig\.|Table) \d+(\.\d+)* ", text)]
    return [f"unresolved: {text[:80]}" for text in unresolved] + [f"without a number: '{text[:80]}'" for text in unnumbered]


def bad_images(tab: Page) -> list[str]:
    """Images of the article that don't show, or have no words for those who can't see them."""
    images = tab.evaluate("""() => Promise.all([...document.querySelectorAll('article img')].map(async e => {
        e.loading = 'eager';
        await e.decode().catch(() => {});
        return [e.getAttribute('src').slice(0, 80), e.alt.trim(), e.naturalWidth];
    }))""")
    named = r"\.\w{3,4}$"  # Sphinx gives the file's name where there is nothing better
    problems = [f"{source} does not show" for source, _, width in images if not width]
    return problems + [f"{source} has no words" for source, alt, _ in images if not alt or re.search(named, alt)]


def bad_videos(tab: Page) -> list[str]:
    """Videos without a label, a size or a duration, and those that don't play."""
    return tab.evaluate("""async () => {
        const problems = [], pause = ms => new Promise(done => setTimeout(done, ms));
        for (const [i, v] of [...document.querySelectorAll('video')].entries()) {
            const say = problem => problems.push(`video ${i + 1}: ${problem}`);
            if (!v.getAttribute('aria-label')?.trim()) say('no label');
            v.muted = true;
            const start = v.currentTime;
            v.play().catch(error => say(error.message));
            for (let waited = 0; waited < 5000 && !v.error && v.currentTime == start; waited += 50) await pause(50);
            v.pause();
            if (v.currentTime == start) say('does not play');
            if (!(v.duration > 0)) say('no duration');
            if (!v.videoWidth || !v.videoHeight) say('no picture');
        }
        return problems;
    }""")


def sideways(tab: Page) -> list[str]:
    """What makes the page wider than the window; things that scroll in a box of their own are fine."""
    return tab.evaluate("""() => {
        const width = innerWidth + 1, page = document.documentElement.scrollWidth;
        if (page <= width) return [];
        const boxed = e => e && e != document.body && (getComputedStyle(e).overflowX != 'visible' || boxed(e.parentElement));
        const wide = [...document.body.querySelectorAll('*')].filter(
            e => e.getBoundingClientRect().right > width && !boxed(e.parentElement));
        return [`the page is ${page} pixels wide`, ...wide.slice(0, 5).map(
            e => `<${e.localName} class="${e.getAttribute('class') ?? ''}"> ${e.textContent.trim().slice(0, 60)}`)];
    }""")


def open_code(tab: Page) -> list[str]:
    """Cells whose code shows before anybody has clicked."""
    return tab.evaluate("""() => [...document.querySelectorAll('.cell_input')].filter(e => e.checkVisibility()).map(
        e => `not folded: ${e.textContent.trim().slice(0, 80)}`)""")


def faint_text(tab: Page, dark: bool) -> list[str]:
    """Text of the article with too little contrast (WCAG 2 AA: 4.5, large text 3); a page that is not dark, or not light."""
    return tab.evaluate(
        """dark => {
        const paint = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
        const painted = colour => {
            paint.clearRect(0, 0, 1, 1);
            paint.fillStyle = colour;
            paint.fillRect(0, 0, 1, 1);
            return [...paint.getImageData(0, 0, 1, 1).data].map(value => value / 255);
        };
        const known = {}, rgba = colour => known[colour] ??= painted(colour);
        const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
        const behind = e => e ? over(rgba(getComputedStyle(e).backgroundColor), behind(e.parentElement)) : [1, 1, 1, 1];
        const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
        const problems = light(behind(document.body)) < 0.18 == dark ? [] : [`the page is not ${dark ? 'dark' : 'light'}`];
        const walker = document.createTreeWalker(document.querySelector('article, #search-results'), NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            const text = walker.currentNode.data.trim(), e = walker.currentNode.parentElement, style = getComputedStyle(e);
            if (!text || !e.checkVisibility({opacityProperty: true}) || e.matches('.headerlink')) continue;
            const ground = behind(e), ink = over(rgba(style.color), ground);
            const [low, high] = [light(ground), light(ink)].sort((a, b) => a - b), contrast = (high + 0.05) / (low + 0.05);
            const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
            if (contrast < (large ? 3 : 4.5)) problems.push(`contrast ${contrast.toFixed(1)}: ${text.slice(0, 60)}`);
        }
        return problems;
    }""",
        dark,
    )
