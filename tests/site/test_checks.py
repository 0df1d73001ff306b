"""The checks see faults: a page without any passes them all, and each fault of a page that is full of them is found."""

import checks
import pytest

WHOLE = """<!DOCTYPE html><html lang="en"><title>A page</title><meta name="viewport" content="width=device-width">
<style>@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd } a { color: #8ab4f8 } }</style>
<article><p id="here">Words, <code>$$x$$</code> and <a href="#here">a link</a>.</p>
<figure><img alt="A dot." src="data:image/gif;base64,R0lGODdhAQABAIAAAP///////ywAAAAAAQABAAACAkQBADs=">
<figcaption>Fig. 1 A dot.</figcaption></figure>
<details><summary>Code</summary><div class="cell_input">x = 1</div></details></article>"""

FAULTS = [  # what is wrong, the check that is for it, what that says
    ("<script>nowhere()</script>", "troubles", "script: nowhere is not defined"),
    ("<script>console.error('alas')</script>", "troubles", "console: alas"),
    ('<img alt="A face." src="gone.png">', "troubles", "net::ERR_FILE_NOT_FOUND"),
    ('<img alt="A face." src="gone.png">', "dead_links", "gone.png leads to no file"),
    ('<img alt="A face." src="gone.png">', "bad_images", "gone.png does not show"),
    ('<img alt="A face." src="https://example.org/face.png">', "troubles", "asks the network for https://example.org/face.png"),
    ('<img alt="A face." src="https://example.org/face.png">', "dead_links", "takes https://example.org/face.png from"),
    ('<img src="silent.png">', "bad_images", "silent.png has no words"),
    ('<img src="named.png" alt="named.png">', "bad_images", "named.png has no words"),
    ('<a href="gone.html">go</a>', "dead_links", "gone.html leads to no file"),
    ('<a href="../">go</a>', "dead_links", "../ leads to no file"),
    ('<a href="#gone">go</a>', "dead_links", "#gone leads to no place"),
    ('<a href="ftp://example.org/">go</a>', "dead_links", "ftp://example.org/ is neither"),
    ('<video src="gone.mp4"></video>', "dead_links", "gone.mp4 leads to no file"),
    ('<video src="gone.mp4"></video>', "bad_videos", "video 1: no label"),
    ('<video src="gone.mp4"></video>', "bad_videos", "video 1: does not play"),
    (r'<p class="math">\(x\)</p>', "raw_equations", r"not typeset: \(x\)"),
    ("<p>so that $$y$$</p>", "raw_equations", "not typeset: so that $$y$$"),
    ("<p>see Fig. ??</p>", "bad_references", "unresolved: see Fig. ??"),
    ("<p>see {numref}<code>losses</code></p>", "bad_references", "unresolved: see {numref}"),
    ('<code class="xref std std-numref">losses</code>', "bad_references", "unresolved: losses"),
    ('<span class="bibtex-citation">[]</span>', "bad_references", "unresolved: []"),
    ("<figure><figcaption>A dot.</figcaption></figure>", "bad_references", "without a number: 'A dot.'"),
    ("<table><caption>Some numbers.</caption></table>", "bad_references", "without a number: 'Some numbers.'"),
    ("<figure></figure>", "bad_references", "without a number: ''"),
    ('<p style="width: 1400px">too wide</p>', "sideways", "too wide"),
    ('<div class="cell_input">x = 1</div>', "open_code", "not folded: x = 1"),
    ('<p style="color: #aaa">hardly there</p>', "faint_text", "hardly there"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages").resolve()


def findings(reader, folder, content: str, dark: bool) -> dict[str, list[str]]:
    """What every check finds on a page of this content; checks that find nothing are left out."""
    (folder / "page.html").write_text(content, "utf-8")
    reader.open((folder / "page.html").as_uri())
    plain = ("raw_equations", "bad_references", "bad_images", "bad_videos", "sideways", "open_code")
    found = {name: getattr(checks, name)(reader.tab) for name in plain}
    found |= {"dead_links": checks.dead_links(reader.tab, folder), "faint_text": checks.faint_text(reader.tab, dark)}
    found["troubles"] = [*reader.troubles]
    return {name: problems for name, problems in found.items() if problems}


@pytest.fixture(scope="module")
def broken(desk, folder):
    content = "\n".join(dict.fromkeys(fault for fault, _, _ in FAULTS))
    return findings(desk, folder, f"<!DOCTYPE html><article>{content}</article>", dark=False)


def test_a_page_without_fault_passes_in_light_and_in_dark(desk, phone, folder):
    assert findings(desk, folder, WHOLE, dark=False) == {}
    assert findings(phone, folder, WHOLE, dark=True) == {}


def test_a_page_that_stays_light_in_the_dark_is_seen(phone, folder):
    assert findings(phone, folder, WHOLE.replace("#111", "#fff"), dark=True)["faint_text"][0] == "the page is not dark"


@pytest.mark.parametrize(("fault", "check", "words"), FAULTS)
def test_a_fault_is_seen(broken, fault, check, words):
    assert any(words in problem for problem in broken[check])
