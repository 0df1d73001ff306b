"""The house holds together: versions live in one place, chapters hold no algorithms and no outputs, imports run one way."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))

PACKAGES = ("perfclone", "perfclone_lab", "perfclone_studio")
"""Each may import from those before it."""
LAYERS = [
    {"perfclone.errors", "perfclone.skeleton"},
    {"perfclone.files", "perfclone.progress", "perfclone.device", "perfclone.provenance", "perfclone.registry", "perfclone.stages"},
    {"perfclone.video", "perfclone.nets", "perfclone.viz"},
    {"perfclone.capture", "perfclone.losses"},
    {"perfclone.fast"},
    {"perfclone.metrics"},
    {"perfclone.training"},
    {"perfclone.assess", "perfclone.cloning"},
    {"perfclone.cli"},
    {"perfclone_lab.flops", "perfclone_lab.datasets", "perfclone_lab.nets", "perfclone_lab.versions"},
    {"perfclone_lab.baselines", "perfclone_lab.ledger", "perfclone_lab.notebook", "perfclone_lab.synthetic_task"},
    {"perfclone_lab.experiments"},
    {"perfclone_lab.bench", "perfclone_lab.book"},
    {"perfclone_lab.cli"},
]
"""The parts of two packages from the ground up: each may import only from the layers below its own."""


# ---- versions ----


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"==[^,*+]+", str(r.specifier)) for r in requirements), "one exact, portable version a line"
    assert len({canonicalize_name(r.name) for r in requirements}) == len(requirements), "each package once"
    return {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in requirements}


def test_every_dependency_is_pinned_within_the_bounds_that_pyproject_gives():
    pinned = pins()
    asked = project()["dependencies"] + [line for extra in project()["optional-dependencies"].values() for line in extra]
    for requirement in map(Requirement, asked):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} has no version in constraints.txt"
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement} does not admit the pinned {version}"


def imported(folders: tuple[str, ...]) -> set[str]:
    """Distributions that the Python files and chapters in these folders import."""
    sources = [path.read_text("utf-8") for folder in folders for path in (ROOT / folder).rglob("*.py")]
    chapters = [nbformat.read(path, as_version=4) for folder in folders for path in (ROOT / folder).glob("*.ipynb")]
    sources += [cell.source for notebook in chapters for cell in notebook.cells if cell.cell_type == "code"]
    modules = set()
    for node in (node for source in sources for node in ast.walk(ast.parse(source))):
        if isinstance(node, ast.Import):
            modules |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules.add(node.module.split(".")[0])
    owners = metadata.packages_distributions()
    return {canonicalize_name(name) for module in modules for name in owners.get(module, [])[:1]} - {"perfclone"}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    extras = project()["optional-dependencies"]
    base = {canonicalize_name(Requirement(line).name) for line in project()["dependencies"]}
    everything = base | {canonicalize_name(Requirement(line).name) for extra in extras.values() for line in extra}
    through_jupyter = {"ipython", "nbclient", "pillow"}  # parts of ipykernel, papermill and matplotlib
    assert imported(("src", "tests", "book")) - everything == through_jupyter
    assert base == imported(("src/perfclone",)), "the method alone needs these, and no others"


def test_conda_environment_installs_what_pyproject_names_and_no_version_of_its_own():
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
    (python,) = [line for line in dependencies if isinstance(line, str) and line.startswith("python=")]
    assert Requirement(f"python{project()['requires-python']}").specifier.contains(python.removeprefix("python="))
    (pip,) = [part["pip"] for part in dependencies if isinstance(part, dict)]
    constraint, *named, package = pip
    assert constraint == "-c constraints.txt"
    extras = re.fullmatch(r"-e \.\[([\w,]+)\]", package).group(1).split(",")
    assert set(extras) <= set(project()["optional-dependencies"])
    card = {"torch", "torchvision", "jupyterlab", "jupyter-book", "matplotlib", "scikit-image", "pandas", "papermill"}
    assert card | {"opencv-contrib-python"} == set(named) <= set(pins()), "the owner's packages by name, versions from one place"
    others = [line for line in dependencies if isinstance(line, str) and line != python]
    assert others == ["pip", "libgl", "libglib"], "all other packages come through pyproject.toml"


def test_make_ci_readme_and_conda_install_the_same_extras():
    command = "-c constraints.txt -e '.[test,lab]'"
    assert command in (ROOT / "Makefile").read_text("utf-8")
    assert command in (ROOT / "README.md").read_text("utf-8")
    assert "-e .[test,lab]" in (ROOT / "environment.yml").read_text("utf-8")


def test_the_readme_installs_the_pinned_torch():
    assert f"pip install torch=={pins()['torch']} " in (ROOT / "README.md").read_text("utf-8")


# ---- the book ----


def test_the_table_of_contents_names_files_that_exist(monkeypatch):
    from perfclone_lab.book.site import table_of_contents

    monkeypatch.chdir(ROOT)
    pages = table_of_contents()
    assert pages[0] == Path("book/index.ipynb")
    assert {page for page in pages if page.suffix == ".ipynb"} == {chapter.relative_to(ROOT) for chapter in CHAPTERS}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
class TestChapter:
    def test_is_committed_without_outputs(self, chapter):
        for cell in nbformat.read(chapter, as_version=4).cells:
            if cell.cell_type == "code":
                assert cell.outputs == [] and cell.execution_count is None

    def test_takes_profile_seed_and_device(self, chapter):
        cells = nbformat.read(chapter, as_version=4).cells
        (parameters,) = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
        names = {target.id for node in ast.parse(parameters.source).body for target in node.targets}
        assert {"profile", "seed", "device"} <= names

    def test_every_picture_and_video_has_words_for_those_who_cannot_see_it(self, chapter):
        for cell in nbformat.read(chapter, as_version=4).cells:
            if "figure" in cell.metadata.get("mystnb", {}):
                assert cell.metadata["mystnb"].get("image", {}).get("alt") or "alt=" in cell.source, cell.source


def test_pages_and_readme_show_only_pictures_with_words_for_those_who_cannot_see_them():
    for page in [ROOT / "README.md", *(ROOT / "book").glob("*.md")]:
        text = page.read_text("utf-8")
        assert "![](" not in text
        for figure in re.findall(r"```\{(?:figure|image)\}.*?```", text, re.DOTALL):
            assert ":alt: " in figure, f"{page.name}: {figure}"


# ---- the library ----


def tracked() -> list[Path]:
    """The repository's text files that are, or are about to be, in git."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    return [
        path
        for path in paths
        if path.is_file() and path.suffix not in (".mp4", ".npz", ".png", ".jpg", ".webp", ".zip", ".safetensors")
    ]


def test_no_file_names_a_place_on_somebodys_machine():
    place = re.compile(r"(?<![\w.<])/(?:home|Users|root|work|opt|mnt|data)/\w")
    for path in tracked():
        found = place.search(path.read_text("utf-8"))
        assert not found, f"{path.relative_to(ROOT)} names {found.group()}…"


def imports(path: Path) -> set[str]:
    """The library's modules and parts that a module imports, anywhere but under `if TYPE_CHECKING`, as `package.part`."""
    tree = ast.parse(path.read_text("utf-8"))
    hints = [node for node in ast.walk(tree) if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"]
    skipped = {id(inner) for hint in hints for inner in ast.walk(hint)}
    package = path.relative_to(SOURCE).parts[:-1]
    found = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            names = [".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names]
        else:
            continue
        found |= {".".join(name.split(".")[:2]) for name in names if name.split(".")[0] in PACKAGES}
    return found


def part_of(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).parts[:2]).removesuffix(".py")


def test_imports_run_one_way():
    layer = {part: number for number, parts in enumerate(LAYERS) for part in parts}
    for path in sorted(path for package in PACKAGES[:2] for path in (SOURCE / package).rglob("*.py")):
        part = part_of(path)
        if part.endswith("__init__"):
            continue
        assert part in layer, f"{part} has no place in LAYERS yet"
        for other in imports(path) - {part}:
            if other.count(".") and not other.endswith("__version__") and other in layer:
                assert layer[other] < layer[part], f"{path.relative_to(ROOT)} imports {other}, which is not below it"


def test_each_package_knows_only_those_before_it():
    for number, package in enumerate(PACKAGES):
        for path in (SOURCE / package).rglob("*.py"):
            others = {name.split(".")[0] for name in imports(path)} - {package}
            assert others <= set(PACKAGES[:number]), f"{path.relative_to(ROOT)} imports {others}"


def test_training_from_a_saved_capture_needs_no_video_or_pose_library():
    code = "import sys, perfclone; print([m for m in ('av', 'mediapipe', 'torchvision', 'matplotlib') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"
