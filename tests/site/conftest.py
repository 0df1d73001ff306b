"""A finished site, and a browser without a network to read it from disk with."""

import shutil
from pathlib import Path

import checks
import pytest
from playwright.sync_api import sync_playwright

# The system's own: the Chromium that Playwright brings cannot decode H.264, which the videos are in.
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def pytest_addoption(parser):
    parser.addoption("--site", type=Path, default=Path("build/html"), help="folder of the site to check (default: build/html)")


def pytest_configure(config):
    site = config.getoption("site")
    if not (site / "index.html").is_file():
        raise pytest.UsageError(f"there is no site at {site}: build it with `make book`, or name another with --site")
    if not CHROMIUM:
        raise pytest.UsageError(
            "there is no Chromium here to read the site with: install the package chromium, or Google Chrome"
        )


def pages(site: Path) -> list[Path]:
    """Everything to read in the site: all of its HTML but redirects and the theme's own parts."""
    found = [path for path in sorted(site.rglob("*.html")) if "_static" not in path.relative_to(site).parts]
    return [path for path in found if 'http-equiv="refresh"' not in path.read_text("utf-8")]


def pytest_generate_tests(metafunc):
    """Tests of a page run for every page, and page by page, so that each is opened once."""
    if "path" in metafunc.fixturenames:
        site = metafunc.config.getoption("site").resolve()
        metafunc.parametrize("path", pages(site), ids=lambda path: str(path.relative_to(site)), scope="module")


@pytest.fixture(scope="session")
def site(request):
    return request.config.getoption("site").resolve()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM) as chromium:
        yield chromium


def reader(browser, width: int, height: int, scheme: str) -> checks.Reader:
    size = {"width": width, "height": height}
    return checks.Reader(browser.new_context(viewport=size, color_scheme=scheme, offline=True))


@pytest.fixture(scope="session")
def desk(browser):
    """Reads in a wide window, light."""
    return reader(browser, 1280, 900, "light")


@pytest.fixture(scope="session")
def phone(browser):
    """Reads in a phone's window, dark."""
    return reader(browser, 390, 844, "dark")


@pytest.fixture(scope="module")
def wide(desk, path):
    """A page of the site, open at the desk."""
    desk.open(path.as_uri())
    return desk


@pytest.fixture(scope="module")
def narrow(phone, path):
    """A page of the site, open on the phone."""
    phone.open(path.as_uri())
    return phone
