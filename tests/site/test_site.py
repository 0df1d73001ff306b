"""The finished site, read page by page as somebody reads it who has opened it from disk, without a network.

`make check` reads the site of `make book`; `pytest tests/site --site FOLDER` another one. The machine needs a Chromium.
"""

from pathlib import Path
from urllib.parse import urlsplit

import checks
import nbformat
import pytest

BOOK = Path(__file__).parents[2] / "book"


def expect_none(problems: list[str]) -> None:
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


class TestPage:
    """What holds on every page."""

    def test_links_pictures_videos_scripts_and_styles_are_in_the_site(self, wide, site):
        expect_none(checks.dead_links(wide.tab, site))

    def test_equations_are_typeset(self, wide):
        expect_none(checks.raw_equations(wide.tab))

    def test_references_are_resolved_and_figures_and_tables_numbered(self, wide):
        expect_none(checks.bad_references(wide.tab))

    def test_pictures_show_and_have_words_for_those_who_cannot_see_them(self, wide):
        expect_none(checks.bad_images(wide.tab))

    def test_videos_play_and_have_a_label(self, wide):
        expect_none(checks.bad_videos(wide.tab))

    def test_code_is_folded_away(self, wide):
        expect_none(checks.open_code(wide.tab))

    def test_does_not_scroll_sideways(self, wide, narrow):
        expect_none(checks.sideways(wide.tab) + checks.sideways(narrow.tab))

    def test_text_stands_out_in_light_and_in_dark(self, wide, narrow):
        expect_none(checks.faint_text(wide.tab, dark=False) + checks.faint_text(narrow.tab, dark=True))

    def test_buttons_lead_to_the_page_s_own_notebook(self, wide, site):
        """To the copy in the site, and where the site offers to launch it elsewhere, to the one in this repository."""

        def links(buttons: str) -> list[str]:
            return wide.tab.locator(f"{buttons} a").evaluate_all("buttons => buttons.map(e => e.href)")

        if wide.tab.locator(".cell").count():
            name = Path(urlsplit(wide.tab.url).path).with_suffix(".ipynb").name
            assert (site / "_sources" / name).as_uri() in links(".dropdown-download-buttons")
            assert nbformat.read(site / "_sources" / name, as_version=4).cells
            assert (BOOK / name).is_file()
            expect_none([link for link in links(".dropdown-launch-buttons") if not link.endswith(f"/{BOOK.name}/{name}")])

    def test_has_given_no_error_and_asked_the_network_for_nothing(self, wide, narrow):
        """The last, so that it sees what went wrong in the tests before it, too."""
        expect_none(wide.troubles + narrow.troubles)


def test_search_finds_pages_from_disk(desk, site):
    reader = checks.Reader(desk.tab.context)
    reader.open((site / "search.html").as_uri() + "?q=pose")
    reader.tab.wait_for_selector("#search-results li a")
    expect_none(reader.troubles + checks.dead_links(reader.tab, site))
    reader.tab.click("#search-results li a")
    reader.tab.wait_for_selector("article")
