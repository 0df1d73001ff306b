"""The API reference and the appendix keep up with the code: nothing public is missing there, and nothing is there that is gone."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from test_house import ROOT, SOURCE

import perfclone
from perfclone_lab.book.api import PACKAGES, modules

APPENDIX = ROOT / "book" / "how-this-is-built.md"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.stem != "__main__")


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def test_every_module_is_in_the_reference():
    assert {name for package in PACKAGES for name in modules(package)} == {module_name(path) for path in MODULES}


def test_the_appendix_names_files_that_exist():
    named = re.findall(r"`((?:src|tests|book|data|\.ci)/[a-z0-9_./-]+)`", APPENDIX.read_text("utf-8"))
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_reference_begins_with_what_the_package_gives():
    page = (ROOT / "book" / "api.md").read_text("utf-8")
    assert set(perfclone.__all__) <= set(re.findall(r"perfclone[\w.]*\.(\w+)>?`", page))


def public(body: list[ast.stmt]) -> list[ast.stmt]:
    """The public functions and classes of a module, and the public methods of such classes."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    here = [node for node in body if isinstance(node, kinds) and not node.name.startswith("_")]
    return here + [inner for node in here if isinstance(node, ast.ClassDef) for inner in public(node.body)]


def test_everything_public_has_a_docstring():
    for path in MODULES:
        module = ast.parse(path.read_text("utf-8"))
        for node in [module, *public(module.body)]:
            assert ast.get_docstring(node), f"{module_name(path)}: {getattr(node, 'name', 'the module')}"


def values(module: ast.Module) -> list[str]:
    """The docstrings of constants, attributes and properties."""
    found = []
    for node in [module, *(node for node in ast.walk(module) if isinstance(node, ast.ClassDef))]:
        for first, second in zip(node.body, node.body[1:]):
            after = isinstance(second, ast.Expr) and isinstance(second.value, ast.Constant)
            if after and isinstance(first, (ast.Assign, ast.AnnAssign)):
                found.append(second.value.value)
    properties = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef) and "property" in [getattr(name, "id", "") for name in node.decorator_list]
    ]
    return found + [text for node in properties if (text := ast.get_docstring(node))]


def test_the_docstring_of_a_value_has_no_colon_in_its_first_line():
    """Sphinx's napoleon takes what is before it for a type; it does so for constants, attributes and properties only."""
    for path in MODULES:
        for text in values(ast.parse(path.read_text("utf-8"))):
            assert not re.search(r":\s+\S", re.sub(r"`[^`]*`", "", text.splitlines()[0])), f"{module_name(path)}: {text}"
