"""The API reference and the appendix keep up with the code: nothing public is missing there, and nothing is there that is gone."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

from test_house import LAYERS, ROOT, SOURCE, part_of

PAGES = [ROOT / "book" / "api.md", *sorted((ROOT / "book" / "api").glob("*.md"))]
APPENDIX = ROOT / "book" / "how-this-is-built.md"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.stem != "__main__")
FLOORS = {n: {part_of(path) for path in MODULES} & parts for n, parts in enumerate(LAYERS, start=1)}
"""Number → the parts of the library on that floor, without those that are only planned."""


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")


def documented() -> dict[str, list[int]]:
    """Module → the floors that the reference puts it on, as the nearest heading above says; 0 above all floors."""
    found = defaultdict(list)
    for page in PAGES:
        floor = 0
        for line in page.read_text("utf-8").splitlines():
            if heading := re.match(r"#+ Floor (\d)", line):
                floor = int(heading[1])
            if directive := re.match(r"\.\. automodule:: ([\w.]+)", line):
                found[directive[1]].append(floor)
    return found


def test_every_module_is_in_the_reference_once_and_on_its_floor():
    expected = {module_name(path): [n for n, parts in FLOORS.items() if part_of(path) in parts] for path in MODULES}
    expected["perfclone"] = [0]
    assert documented() == expected


def test_the_appendix_has_the_floors_of_the_house():
    rows = re.findall(r"^\| (\d) \| `(\w+)` \|", APPENDIX.read_text("utf-8"), re.MULTILINE)
    assert [int(n) for n, _ in rows] == sorted((int(n) for n, _ in rows), reverse=True), "the top floor is at the top"
    assert {n: {part for k, part in rows if int(k) == n} for n in FLOORS} == FLOORS


def test_the_appendix_names_files_that_exist():
    named = re.findall(r"`((?:src|tests|book|data|\.ci)/[a-z0-9_./-]+)`", APPENDIX.read_text("utf-8"))
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_reference_begins_with_what_the_package_gives():
    (names,) = [
        ast.literal_eval(node.value)
        for node in ast.parse((SOURCE / "__init__.py").read_text("utf-8")).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
    ]
    linked = set(re.findall(r"perfclone[\w.]*\.(\w+)>?`", PAGES[0].read_text("utf-8")))
    assert set(names) <= linked


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
