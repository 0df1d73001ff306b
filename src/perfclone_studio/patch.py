"""Pieces of surface, which clothes and hair are made of, and the scissors that cut them along a line.

A `Patch` carries with each vertex all that later stages need; whatever makes new vertices (cutting, refining) interpolates all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix

ON_THE_LINE = 1e-9
"""A cut's field is this close to 0 at the vertices that the cut made."""


@dataclass(frozen=True, eq=False)
class Patch:
    """A triangulated surface, open or closed.

    Attributes:
        vertices: (N, 3) float64, metres.
        faces: (F, 3) int, counter-clockwise from outside.
        weights: (N, B) float64 skinning weights.
        origin: (N,) int, the vertex of the base mesh that each vertex came from, or the nearer of two.
        fields: name → (N,) or (N, C) float64, whatever else goes with the vertices.
    """

    vertices: np.ndarray
    faces: np.ndarray
    weights: np.ndarray
    origin: np.ndarray
    fields: dict[str, np.ndarray]

    def __getitem__(self, field: str) -> np.ndarray:
        return self.fields[field]

    def with_fields(self, **fields: np.ndarray) -> Patch:
        """The same surface with fields added or replaced."""
        return replace(self, fields=self.fields | fields)

    def moved(self, vertices: np.ndarray) -> Patch:
        """The same surface with its vertices elsewhere."""
        return replace(self, vertices=vertices)

    def taken(self, faces: np.ndarray) -> Patch:
        """Only these faces, (F, 3) or a mask of the present ones, and the vertices that they need."""
        faces = self.faces[faces] if faces.dtype == bool else faces
        used, faces = np.unique(faces, return_inverse=True)
        fields = {name: field[used] for name, field in self.fields.items()}
        return Patch(self.vertices[used], faces.reshape(-1, 3), self.weights[used], self.origin[used], fields)

    def with_points(self, edges: np.ndarray, share: np.ndarray) -> Patch:
        """The same faces with further vertices, one on each of (E, 2) edges, `share` (E,) of the way from its first end."""
        first, second = edges.T

        def between(values: np.ndarray) -> np.ndarray:
            along = share.reshape(-1, *[1] * (values.ndim - 1))
            return np.concatenate([values, values[first] * (1 - along) + values[second] * along])

        return Patch(
            between(self.vertices),
            self.faces,
            between(self.weights),
            np.concatenate([self.origin, np.where(share < 0.5, self.origin[first], self.origin[second])]),
            {name: between(field) for name, field in self.fields.items()},
        )


def cut(patch: Patch, field: str) -> Patch:
    """The part of a surface where a field is at least 0, trimmed exactly along the line where its interpolation is 0."""
    value = np.where(np.abs(patch[field]) < 1e-6, 0.0, patch[field])
    inside = value >= 0
    corners = inside[patch.faces]
    count = corners.sum(1)
    odd = np.where(count == 1, corners.argmax(1), corners.argmin(1))  # the corner that is alone on its side
    turned = np.take_along_axis(patch.faces, (odd[:, None] + np.arange(3)) % 3, 1)
    mixed, single = turned[(count == 1) | (count == 2)], count[(count == 1) | (count == 2)] == 1

    crossed = np.concatenate([mixed[:, [0, 1]], mixed[:, [0, 2]]])
    edges, which = distinct(crossed)
    first, second = value[edges].T
    patch = patch.with_fields(**{field: value}).with_points(edges, first / (first - second))
    patch[field][len(value) :] = 0  # exactly
    to_second, to_third = (which + len(value)).reshape(2, -1)

    kept = [patch.faces[count == 3], np.stack([mixed[:, 0], to_second, to_third], 1)[single]]
    kept += [
        np.stack([to_second, mixed[:, 1], mixed[:, 2]], 1)[~single],
        np.stack([to_second, mixed[:, 2], to_third], 1)[~single],
    ]
    return patch.taken(np.concatenate(kept))


def refined(patch: Patch) -> Patch:
    """Each triangle cut into four at the middles of its sides, with the new vertices raised off the flat sides where it is round."""
    edges, middles = distinct(patch.faces[:, [[1, 2], [2, 0], [0, 1]]].reshape(-1, 2))
    outward = normals(patch.vertices, patch.faces)
    finer = patch.with_points(edges, np.full(len(edges), 0.5))
    ends, tilt = patch.vertices[edges], outward[edges]
    bulge = ((ends[:, 1] - ends[:, 0]) * (tilt[:, 1] - tilt[:, 0])).sum(1) / 8  # a circle through both ends, to second order
    raised = finer.vertices.copy()
    raised[len(patch.vertices) :] += np.clip(bulge, -0.003, 0.003)[:, None] * tilt.mean(1)
    a, b, c = patch.faces.T
    d, e, f = middles.reshape(-1, 3).T + len(patch.vertices)
    faces = np.concatenate([np.stack(corners, 1) for corners in ((a, f, e), (f, b, d), (e, d, c), (d, e, f))])
    return replace(finer, vertices=raised, faces=faces)


def normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(N, 3) outward unit vectors, weighted by the areas of the faces around; zero where there are none."""
    a, b, c = vertices[faces].transpose(1, 0, 2)
    around = np.cross(b - a, c - a)
    total = np.zeros_like(vertices)
    for corner in faces.T:
        np.add.at(total, corner, around)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def smoothed(values: np.ndarray, faces: np.ndarray, times: int, strength: float = 0.5) -> np.ndarray:
    """Values at the vertices, (N,) or (N, C), drawn towards the mean of their neighbours, so many times."""
    around = _neighbours(faces, len(values))
    count = np.asarray(around.sum(1)).reshape(-1, *[1] * (values.ndim - 1))
    for _ in range(times):
        values = np.where(count > 0, (1 - strength) * values + strength * (around @ values) / np.maximum(count, 1), values)
    return values


def _neighbours(faces: np.ndarray, count: int) -> csr_matrix:
    """(count, count) matrix with a 1 wherever an edge joins two vertices."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    joins = coo_matrix((np.ones(len(edges)), edges.T), shape=(count, count)).tocsr()
    joins.data[:] = 1
    return joins


def distinct(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(E, 2) the different ones of (K, 2) edges, whichever way they point, and (K,) which of them each is."""
    low, high = edges.min(1), edges.max(1)
    keys, which = np.unique(low * (edges.max(initial=0) + 1) + high, return_inverse=True)
    return np.stack(np.divmod(keys, edges.max(initial=0) + 1), 1), which.reshape(-1)


def rim(patch: Patch, field: str) -> np.ndarray:
    """(E, 2) directed edges along the line where the patch was cut by a field, with the surface on their left."""
    edges = np.concatenate([patch.faces[:, [0, 1]], patch.faces[:, [1, 2]], patch.faces[:, [2, 0]]])
    count = len(patch.vertices)
    alone = ~np.isin(edges[:, 0] * count + edges[:, 1], edges[:, 1] * count + edges[:, 0])
    on_line = np.abs(patch[field]) < ON_THE_LINE
    return edges[alone & on_line[edges].all(1)]


def hemmed(patch: Patch, field: str, thickness: float = 0.004, width: float = 0.015) -> Patch:
    """The patch with its cut edge turned under, so that the cloth has a thickness and its inside cannot be seen through the gap."""
    edges = rim(patch, field)
    on_rim, ends = np.unique(edges, return_inverse=True)
    count, new = len(patch.vertices), len(on_rim)
    first, second = ends.reshape(-1, 2).T + count
    outward, inward = normals(patch.vertices, patch.faces), _away_from(patch, edges)
    inner = (patch.vertices - thickness * outward + width * inward)[on_rim]
    strip = [np.stack([second, first, first + new], 1), np.stack([second, first + new, second + new], 1)]
    again = np.concatenate([on_rim, on_rim])
    patch = patch.with_points(np.stack([again, again], 1), np.zeros(2 * new))
    sheet = patch.fields.get("sheet", np.zeros(len(patch.vertices))) + 10 * (np.arange(len(patch.vertices)) >= count)
    vertices = np.concatenate([patch.vertices[: count + new], inner])
    return replace(patch, vertices=vertices, faces=np.concatenate([patch.faces, *strip])).with_fields(sheet=sheet)


def _away_from(patch: Patch, edges: np.ndarray) -> np.ndarray:
    """(N, 3) unit vectors along the surface and into it at the vertices of a rim; zero elsewhere."""
    outward = normals(patch.vertices, patch.faces)
    direction = patch.vertices[edges[:, 1]] - patch.vertices[edges[:, 0]]
    into = np.zeros_like(patch.vertices)
    for end in edges.T:
        np.add.at(into, end, np.cross(outward[end], direction))
    return into / np.maximum(np.linalg.norm(into, axis=1, keepdims=True), 1e-12)


def joined(patches: list[Patch]) -> Patch:
    """Several patches as one, with the fields that all of them have."""
    names = set.intersection(*(set(patch.fields) for patch in patches))
    starts = np.cumsum([0] + [len(patch.vertices) for patch in patches[:-1]])
    return Patch(
        np.concatenate([patch.vertices for patch in patches]),
        np.concatenate([patch.faces + start for patch, start in zip(patches, starts)]),
        np.concatenate([patch.weights for patch in patches]),
        np.concatenate([patch.origin for patch in patches]),
        {name: np.concatenate([patch[name] for patch in patches]) for name in sorted(names)},
    )
