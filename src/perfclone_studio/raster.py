"""The geometry of a picture, compiled: skinning, normals, the z-buffer, and look-ups at what it shows.

Everything runs in one thread and in a fixed order, so that the same input gives the same bits from run to run.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

NOTHING = -1
"""Face number where a z-buffer shows no face."""


@njit(cache=True)
def skin(vertices, bone_index, bone_weight, heads, rotations, positions):
    """Linear blend skinning: v = Σ_k w_k · (R_b (v_rest − head_b) + P_b).

    Args:
        vertices: (N, 3) float32, at rest.
        bone_index, bone_weight: (N, K) int32 and float32; the weights of a vertex sum to 1.
        heads: (B, 3) float32, where the bones begin at rest.
        rotations, positions: (B, 3, 3) and (B, 3) float32, the bones' global rotations and where they begin now.

    Returns:
        (N, 3) float32.
    """
    out = np.empty_like(vertices)
    for i in range(len(vertices)):
        x = y = z = 0.0
        for k in range(bone_index.shape[1]):
            w = bone_weight[i, k]
            if w == 0:
                continue
            b = bone_index[i, k]
            a0, a1, a2 = vertices[i, 0] - heads[b, 0], vertices[i, 1] - heads[b, 1], vertices[i, 2] - heads[b, 2]
            x += w * (rotations[b, 0, 0] * a0 + rotations[b, 0, 1] * a1 + rotations[b, 0, 2] * a2 + positions[b, 0])
            y += w * (rotations[b, 1, 0] * a0 + rotations[b, 1, 1] * a1 + rotations[b, 1, 2] * a2 + positions[b, 1])
            z += w * (rotations[b, 2, 0] * a0 + rotations[b, 2, 1] * a1 + rotations[b, 2, 2] * a2 + positions[b, 2])
        out[i, 0], out[i, 1], out[i, 2] = x, y, z
    return out


@njit(cache=True)
def vertex_normals(vertices, faces, seam):
    """Unit normals, each the mean of the faces around a vertex, weighted by area; outwards of anticlockwise faces.

    Args:
        vertices: (N, 3) float32.
        faces: (F, 3) int32.
        seam: (N,) int32, for each vertex the one, itself or another, with which it shares its normal.

    Returns:
        (N, 3) float32.
    """
    normals = np.zeros_like(vertices)
    for f in range(len(faces)):
        a, b, c = faces[f]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        vx, vy, vz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for i in (seam[a], seam[b], seam[c]):
            normals[i, 0] += nx
            normals[i, 1] += ny
            normals[i, 2] += nz
    for i in range(len(normals)):
        length = math.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2)
        if length > 0:
            normals[i] /= length
    for i in range(len(normals)):
        normals[i] = normals[seam[i]]
    return normals


@njit(cache=True)
def z_buffer(points, faces, clip, lift, width, height, samples):
    """What is seen at each of `samples` × `samples` places in every pixel: the nearest face whose clip field is not negative there.

    The places of a pixel lie on a turned grid, so that no two of them share a row or a column: a slanting edge then has
    `samples` squared steps from pixel to pixel. One sample is at the pixel's centre.

    Args:
        points: (N, 3) float64, the vertices as `Camera.project` gives them (pixels, 1/depth).
        faces: (F, 3) int32.
        clip: (N,) float32; a face is shown where its interpolation, in perspective, is 0 or more.
        lift: (F,) float32 metres by which a face counts as nearer where faces touch, such as cloth on skin.
        width, height: of the picture in pixels.
        samples: per pixel and direction.

    Returns:
        face: (height · samples, width · samples) int32, `NOTHING` where there is none.
        share: (…, 2) float32, the barycentric coordinates, in perspective, of the face's first two vertices.
        nearness: (…) float32, 1/depth, 0 where there is nothing.
    """
    rows, columns = height * samples, width * samples
    face = np.full((rows, columns), NOTHING, np.int32)
    share = np.zeros((rows, columns, 2), np.float32)
    nearness = np.zeros((rows, columns), np.float32)
    best = np.zeros((rows, columns), np.float32)
    middle = (samples - 1) / 2
    for f in range(len(faces)):
        a, b, c = faces[f]
        if clip[a] < 0 and clip[b] < 0 and clip[c] < 0:
            continue
        za, zb, zc = points[a, 2], points[b, 2], points[c, 2]
        if za <= 0 or zb <= 0 or zc <= 0:
            continue
        ax, ay = points[a, 0] * samples, points[a, 1] * samples
        bx, by = points[b, 0] * samples, points[b, 1] * samples
        cx, cy = points[c, 0] * samples, points[c, 1] * samples
        area = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy)
        if abs(area) < 1e-12:
            continue
        x0, x1 = max(math.ceil(min(ax, bx, cx) - 1), 0), min(math.floor(max(ax, bx, cx)), columns - 1)
        y0, y1 = max(math.ceil(min(ay, by, cy) - 1), 0), min(math.floor(max(ay, by, cy)), rows - 1)
        ua, va, ub, vb = (by - cy) / area, (cx - bx) / area, (cy - ay) / area, (ax - cx) / area
        for y in range(y0, y1 + 1):
            turn_x = 0.5 + (middle - y % samples) / samples - cx
            for x in range(x0, x1 + 1):
                px, py = x + turn_x, y + 0.5 + (x % samples - middle) / samples - cy
                la, lb = ua * px + va * py, ub * px + vb * py
                lc = 1 - la - lb
                if la < -1e-12 or lb < -1e-12 or lc < -1e-12:
                    continue
                z = la * za + lb * zb + lc * zc
                front = z + lift[f] * z * z
                if front <= best[y, x]:
                    continue
                wa, wb = la * za / z, lb * zb / z
                if wa * clip[a] + wb * clip[b] + (1 - wa - wb) * clip[c] < 0:
                    continue
                best[y, x], nearness[y, x], face[y, x] = front, z, f
                share[y, x, 0], share[y, x, 1] = wa, wb
    return face, share, nearness


@njit(cache=True)
def height_map(points, faces, clip, size):
    """The highest point over each cell of a square grid, as a light sees it that shines straight down on the grid.

    Args:
        points: (N, 3) float32, x and y in cells, height in metres.
        faces, clip: as for `z_buffer`.
        size: cells to a side.

    Returns:
        (size, size) float32 metres, −inf where there is nothing.
    """
    highest = np.full((size, size), -np.inf, np.float32)
    for f in range(len(faces)):
        a, b, c = faces[f]
        if clip[a] < 0 and clip[b] < 0 and clip[c] < 0:
            continue
        ax, ay, bx, by, cx, cy = points[a, 0], points[a, 1], points[b, 0], points[b, 1], points[c, 0], points[c, 1]
        area = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy)
        if abs(area) < 1e-12:
            continue
        x0, x1 = max(math.ceil(min(ax, bx, cx) - 0.5), 0), min(math.floor(max(ax, bx, cx) - 0.5), size - 1)
        y0, y1 = max(math.ceil(min(ay, by, cy) - 0.5), 0), min(math.floor(max(ay, by, cy) - 0.5), size - 1)
        ua, va, ub, vb = (by - cy) / area, (cx - bx) / area, (cy - ay) / area, (ax - cx) / area
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                px, py = x + 0.5 - cx, y + 0.5 - cy
                la, lb = ua * px + va * py, ub * px + vb * py
                lc = 1 - la - lb
                if la < 0 or lb < 0 or lc < 0 or la * clip[a] + lb * clip[b] + lc * clip[c] < 0:
                    continue
                z = la * points[a, 2] + lb * points[b, 2] + lc * points[c, 2]
                if z > highest[y, x]:
                    highest[y, x] = z
    return highest


@njit(cache=True)
def covered(face, share):
    """The samples that show a face, row by row: where (n, 2) int32 (row, column), face (n,) int32, barycentrics (n, 3) float32."""
    count = 0
    for y in range(face.shape[0]):
        for x in range(face.shape[1]):
            count += face[y, x] >= 0
    where, shown, weights = np.empty((count, 2), np.int32), np.empty(count, np.int32), np.empty((count, 3), np.float32)
    n = 0
    for y in range(face.shape[0]):
        for x in range(face.shape[1]):
            if face[y, x] >= 0:
                where[n, 0], where[n, 1], shown[n] = y, x, face[y, x]
                weights[n, 0], weights[n, 1] = share[y, x, 0], share[y, x, 1]
                weights[n, 2] = 1 - share[y, x, 0] - share[y, x, 1]
                n += 1
    return where, shown, weights


@njit(cache=True)
def interpolate(values, faces, shown, weights):
    """(n, C) values at the samples that `covered` gives, from (N, C) values at the vertices; in the values' own dtype."""
    out = np.empty((len(shown), values.shape[1]), values.dtype)
    for i in range(len(shown)):
        a, b, c = faces[shown[i]]
        for k in range(values.shape[1]):
            out[i, k] = weights[i, 0] * values[a, k] + weights[i, 1] * values[b, k] + weights[i, 2] * values[c, k]
    return out


@njit(cache=True)
def coverage(face, samples):
    """(H, W) float32, the share of each pixel's samples that show a face."""
    height, width = face.shape[0] // samples, face.shape[1] // samples
    out = np.zeros((height, width), np.float32)
    for y in range(face.shape[0]):
        for x in range(face.shape[1]):
            out[y // samples, x // samples] += face[y, x] >= 0
    return out / np.float32(samples * samples)


@njit(cache=True)
def paint(image, where, colours, samples):
    """Mix the performer's samples into a picture of what is behind.

    Args:
        image: (H, W, 3) float32, changed in place.
        where: (n, 2) int32, row and column of the samples, samples² to a pixel.
        colours: (n, 3) float32 of the samples.
        samples: per pixel and direction.
    """
    share = np.float32(1 / (samples * samples))
    seen = np.zeros(image.shape, np.float32)
    count = np.zeros(image.shape[:2], np.float32)
    for i in range(len(where)):
        y, x = where[i, 0] // samples, where[i, 1] // samples
        count[y, x] += share
        for k in range(3):
            seen[y, x, k] += share * colours[i, k]
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            for k in range(3):
                image[y, x, k] = (1 - count[y, x]) * image[y, x, k] + seen[y, x, k]


@njit(cache=True)
def bilinear(image, x, y):
    """The value of a single-channel image at continuous pixels (x, y), the border going on outside."""
    height, width = image.shape
    x, y = min(max(x - 0.5, 0.0), width - 1.0), min(max(y - 0.5, 0.0), height - 1.0)
    i, j = min(int(x), width - 2), min(int(y), height - 2)
    u, v = x - i, y - j
    top = image[j, i] * (1 - u) + image[j, i + 1] * u
    return top * (1 - v) + (image[j + 1, i] * (1 - u) + image[j + 1, i + 1] * u) * v
