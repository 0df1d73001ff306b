"""What the pages name is in the library: settings, functions, equations; and what shows a function shows its own source."""

import ast
import importlib
import inspect
import re
from dataclasses import fields
from pathlib import Path
from string import Formatter
from xml.etree import ElementTree

import nbformat
import pytest

import perfclone as pc
from perfclone import losses
from perfclone.training.networks import Networks
from perfclone_lab import notebook as nb
from perfclone_lab.ledger.judging import load_claims

BOOK = Path(__file__).parents[2] / "book"
TWO_BRANCHES = nbformat.read(BOOK / "03-two-branches.ipynb", as_version=4).cells


def open_points() -> dict[str, set[str]]:
    """The rows of the table of open points, as written in the chapter: number → settings that it names."""
    code = [ast.parse(cell.source) for cell in TWO_BRANCHES if cell.cell_type == "code"]
    texts = [node.value for tree in code for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    rows = [
        row.split(" | ") for text in texts if isinstance(text, str) for row in re.findall(r"^A\d+ \| .*$", text, re.MULTILINE)
    ]
    assert all(len(row) == 5 for row in rows)
    return {row[0]: {name for _, name, _, _ in Formatter().parse(" ".join(row)) if name} for row in rows}


def test_the_open_points_are_numbered_through_and_name_settings_that_exist():
    rows = open_points()
    assert list(rows) == [f"A{number}" for number in range(1, 22)]
    known = {field.name for kind in (pc.TrainSettings, pc.CaptureSettings) for field in fields(kind)}
    known |= set(inspect.signature(pc.clone).parameters) | set(inspect.signature(pc.split).parameters)
    assert set.union(*rows.values()) <= known


def test_every_setting_that_refers_to_an_open_point_is_in_that_row():
    rows = open_points()
    for kind in (pc.TrainSettings, pc.CaptureSettings):
        body = ast.parse(inspect.getsource(kind)).body[0].body
        for field, words in zip(body, body[1:]):
            if isinstance(field, ast.AnnAssign) and isinstance(words, ast.Expr):
                for number in re.findall(r"\bA\d+\b", words.value.value):
                    assert field.target.id in rows[number], f"{field.target.id} belongs into row {number}"


def test_the_equations_of_the_two_branches_come_in_the_papers_order():
    text = "\n".join(cell.source for cell in TWO_BRANCHES if cell.cell_type == "markdown")
    labels = re.findall(r"^\$\$ \((eq-[\w-]+)\)$", text, re.MULTILINE)
    assert labels == ["eq-vgg", "eq-gan-p", "eq-rec", "eq-tc", "eq-gan-s", "eq-total"]


@pytest.mark.parametrize("page", sorted([*BOOK.glob("*.ipynb"), *BOOK.glob("*.md")]), ids=lambda page: page.name)
def test_what_a_page_names_by_its_full_name_is_in_the_library(page):
    for name in re.findall(r"\{py:\w+\}`[^`]*?~?(perfclone[\w.]+)>?`", page.read_text("utf-8")):
        parts = name.split(".")
        for cut in range(len(parts), 0, -1):
            try:
                found = importlib.import_module(".".join(parts[:cut]))
                break
            except ModuleNotFoundError:
                continue
        for part in parts[cut:]:
            found = getattr(found, part)


@pytest.mark.parametrize("picture", sorted((BOOK / "_static").glob("*.svg")), ids=lambda path: path.name)
def test_a_drawing_has_words_and_needs_nothing_from_elsewhere(picture):
    text = picture.read_text("utf-8")
    root = ElementTree.fromstring(text)
    assert all(root.find(f"{{http://www.w3.org/2000/svg}}{tag}").text for tag in ("title", "desc"))
    assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', text))
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", text))
    assert "@import" not in text and "font-face" not in text
    assert set(re.findall(r"font-family: ([\w-]+)", text)) <= {"sans-serif", "serif"}


def test_a_function_is_shown_as_it_stands_in_its_file():
    shown = nb.source(losses.vgg)
    assert inspect.getsource(losses.vgg).rstrip() in shown.markdown
    assert "`perfclone.losses.vgg`" in shown.markdown and "src/perfclone/losses.py, line " in shown.markdown
    assert "perfclone.losses.vgg" in shown.html and "_distance" in shown.html


def test_a_method_is_shown_from_the_margin():
    assert "\ndef objective(" in nb.source(Networks.objective).markdown


# ---- numbers of the paper ----

PLACES = re.compile(r"(?:Sec|Section|Fig|Figure|Table|Eq)s?\.?\s*[\d.]+(?:\s*(?:,|and|to|-)\s*[\d.]+)*")
NOT_PROSE = re.compile(r"```.*?```|`[^`]*`|\$[^$]*\$|\{[a-z:]+\}`[^`]*`", re.S)
MEASURED = re.compile(r"(?<![\w.,])(?:\d[\d,]*\.\d+|\d[\d,.]*(?=\s?(?:%|ms\b|hours|dB)))")
LEVEL = 95.0  # of the intervals, in per cent


def numbers_in_prose(cell: nbformat.NotebookNode) -> list[float]:
    """Decimals, shares and times that a cell states in its own words: in Markdown, or in the text of a cell's strings."""
    texts = [cell.source]
    if cell.cell_type == "code":
        constants = [node.value for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Constant)]
        texts = [value for value in constants if isinstance(value, str) and " " in value.strip()]
    plain = [PLACES.sub(" ", NOT_PROSE.sub(" ", text)) for text in texts]
    return [float(number.replace(",", "")) for text in plain for number in MEASURED.findall(text)]


@pytest.mark.parametrize("chapter", sorted({claim.chapter for claim in load_claims(BOOK.parent / "data" / "claims.json")}))
def test_a_chapter_quotes_no_number_that_the_ledger_does_not_hold(chapter):
    """Measured numbers come from cells, the paper's from the ledger: neither is typed into the text."""
    path = BOOK / f"{chapter}.ipynb"
    if not path.is_file():
        pytest.skip("this chapter is to come")
    held = {number for claim in load_claims(BOOK.parent / "data" / "claims.json") for number in claim.paper or ()} | {LEVEL}
    quoted = {number for cell in nbformat.read(path, as_version=4).cells for number in numbers_in_prose(cell)}
    assert quoted <= held


def test_a_number_that_is_typed_into_the_text_is_found():
    text, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    assert numbers_in_prose(text("In Sec. 5.2 and Fig. 10 the error is `1.5` or $2.5$, here 17.3.")) == [17.3]
    assert numbers_in_prose(code('x = 1.5\nMarkdown(f"It falls by {x:.2f}, or 12 %, in 4 hours.")')) == [12, 4]
