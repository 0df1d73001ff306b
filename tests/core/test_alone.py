"""The method runs where nothing but its own dependencies can be imported: no rivals, no studio, no notebooks."""

import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
ACTORS = ROOT / "data" / "actors"

SCRIPT = """
import sys
from importlib.machinery import ModuleSpec
class Refuse:
    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name.split(".")[0] in REFUSED else None
    def create_module(self, spec):
        raise ModuleNotFoundError(f"No module named {spec.name!r}", name=spec.name)
    def exec_module(self, module):
        pass
REFUSED = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Refuse())
from perfclone.cli import main
sys.exit(main(sys.argv[2:]))
"""


def needed() -> set[str]:
    """The distributions that the method declares, with all that those need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found, open_ = set(), {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    while open_:
        name = open_.pop()
        found.add(name)
        for line in metadata.requires(name) or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                open_ |= {canonicalize_name(requirement.name)} - found
    return found


@pytest.mark.slow
def test_perfclone_run_makes_a_clone_with_its_own_dependencies_alone(tmp_path):
    own = needed()
    owners = metadata.packages_distributions()
    refused = {module for module, names in owners.items() if not {canonicalize_name(name) for name in names} & (own | {"perfclone"})}
    refused |= {"perfclone_lab", "perfclone_studio"}
    assert {"papermill", "pytest", "ray", "numba"} <= refused
    arguments = ["run", "--reference", ACTORS / "dee.mp4", "--driving", ACTORS / "eve.mp4", "--out", tmp_path / "clone.mp4"]
    command = [sys.executable, "-c", SCRIPT, ",".join(sorted(refused)), *map(str, arguments), "--profile", "smoke", "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "clone.mp4").stat().st_size > 10_000
