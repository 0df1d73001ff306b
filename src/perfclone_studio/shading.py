"""Light and matter, compiled: what colour a place on the performer has.

Colours are linear RGB, 1 being a white surface in full light. The surface is bumpy where its material says so: folds in cloth
and strands in hair are heights over the surface *at rest*, carried along by the moving body, so that they stay where they are
in the cloth and true flow describes them. Detail finer than the picture can show is left out instead of flickering.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from .noise import gradient_noise
from .outfit import Material

KEY = np.array([0.45, 0.80, 0.65]) / np.linalg.norm([0.45, 0.80, 0.65])
"""Direction to the key light, from the actor's upper left (the viewer's upper right) and in front."""

KEY_COLOUR = np.array([0.74, 0.70, 0.65])
"""Light of the key on a surface that faces it."""

LAMP = 0.6
"""Width of the key light, a large soft box close by, as a share of its distance."""

REACH_CELLS = 3
"""How far around a point the shadow map is searched for what may shade it, in cells."""

FILL = np.array([-0.60, 0.25, 0.76]) / np.linalg.norm([-0.60, 0.25, 0.76])
"""Direction to the fill light, from the other side; it casts no shadow."""

FILL_COLOUR = np.array([0.21, 0.22, 0.24])
"""Light of the fill on a surface that faces it."""

SKY_COLOUR = np.array([0.37, 0.38, 0.395])
"""Light from the ceiling and the walls on a surface that faces up; what faces down gets the floor's reflection."""

GROUND_SHARE = 0.75
"""How much of the ceiling's light the floor sends back up, times the floor's colour."""

GLOSS = np.zeros((len(Material), 2))
"""For each material the strength and the exponent of its highlight."""
GLOSS[Material.SKIN] = 0.055, 14
GLOSS[Material.SHOE] = 0.10, 24
GLOSS[Material.EYE] = 0.45, 70

SHEEN = 0.10
"""Brightness that the nap of cloth adds where it is seen edge-on, as a share of its colour."""

SKIN_WRAP = np.array([0.36, 0.18, 0.12])
"""How far red, green and blue creep round into the shade under the skin, as cosines."""

CLOTH_WRAP = 0.10
"""The same for everything else."""

FOLD_M = 0.010
"""Height of the folds of loose cloth in metres; tight cloth has two fifths of it."""

_SKIN, _HAIR = int(Material.SKIN), int(Material.HAIR)
_SHIRT, _TROUSERS, _TRIM = int(Material.SHIRT), int(Material.TROUSERS), int(Material.TRIM)


@njit(cache=True)
def shown_detail(wavelength_m, pixel_m):
    """From 0 to 1, how much of a detail of this size a picture with pixels of this size can show."""
    return min(max((wavelength_m / pixel_m - 1.5) / 2, 0.0), 1.0)


@njit(cache=True)
def fold_slope(x, y, z, looseness, pixel_m):
    """Slope (3 values) at a place at rest of the height of cloth: long drapes, and creases across them."""
    depth = FOLD_M * (0.4 + 0.6 * looseness)
    _, dx, dy, dz = gradient_noise(13 * x, 4 * y, 13 * z)
    sx, sy, sz = depth * 1.2 * 13 * dx, depth * 1.2 * 4 * dy, depth * 1.2 * 13 * dz
    crease, dx, dy, dz = gradient_noise(8 * x + 7 * y, 11 * y - 7 * x, 9 * z + 3.7)
    ridge = -depth * 0.9 * crease / math.sqrt(crease * crease + 0.01) * shown_detail(0.06, pixel_m)
    sx, sy, sz = sx + ridge * (8 * dx - 7 * dy), sy + ridge * (7 * dx + 11 * dy), sz + ridge * 9 * dz
    _, dx, dy, dz = gradient_noise(30 * x, 27 * y, 30 * z + 9.1)
    small = depth * 0.12 * shown_detail(0.03, pixel_m)
    return sx + small * 30 * dx, sy + small * 27 * dy, sz + small * 30 * dz


@njit(cache=True)
def strands(x, y, z, pixel_m):
    """Tone (about 0) and slope (3 values) at a place at rest of hair that falls along y."""
    tone = sx = sy = sz = 0.0
    for octave in range(3):
        frequency = 28.0 * 2.1**octave
        detail = shown_detail(1 / frequency, pixel_m)
        if detail > 0:
            value, dx, dy, dz = gradient_noise(frequency * x, 0.12 * frequency * y + 5.3 * octave, frequency * z)
            tone += detail * value / (1 + octave)
            scale = 0.30 * detail / (1 + octave)
            sx, sy, sz = sx + scale * dx, sy + 0.12 * scale * dy, sz + scale * dz
    return tone, sx, sy, sz


@njit(cache=True)
def surface_nearby(height, tilt_x, tilt_y, across, up, cell_m):
    """Height under which everything belongs to the lit surface itself, at an offset in cells: its tangent plane, and some more."""
    return height + across * tilt_x + up * tilt_y + cell_m * (0.5 + 0.25 * (abs(across) + abs(up)))


@njit(cache=True)
def lit_share(shadow_map, x, y, height, tilt_x, tilt_y, cell_m):
    """From 0 (in shadow) to 1, how much of the lamp a point sees.

    The lamp is wide, so that a shadow is the softer the further away is what casts it: first the mean distance of that is found
    around the point, then the share of cells around it that are free, in a window as wide as the half-shadow is there. Where the
    half-shadow is wider than the widest window, the shadow is so much weaker.

    Args:
        shadow_map: (S, S) float32, from `raster.height_map` along the light.
        x, y: the point in cells.
        height: of the point in metres along the light.
        tilt_x, tilt_y: how the surface's own height changes from cell to cell around the point, in metres.
        cell_m: metres of a cell.
    """
    size = shadow_map.shape[0]
    i, j = math.floor(x), math.floor(y)
    blockers, distance = 0, 0.0
    for row in range(max(j - REACH_CELLS, 0), min(j + REACH_CELLS + 1, size)):
        for column in range(max(i - REACH_CELLS, 0), min(i + REACH_CELLS + 1, size)):
            above = shadow_map[row, column] - surface_nearby(height, tilt_x, tilt_y, column + 0.5 - x, row + 0.5 - y, cell_m)
            if above > 0:
                blockers += 1
                distance += above
    if blockers == 0:
        return 1.0
    half_shadow = max(LAMP * distance / blockers / cell_m, 3.0)
    widest = 2 * REACH_CELLS + 1
    radius = 0.5 * min(half_shadow, widest)
    lit = total = 0.0
    for row in range(max(math.floor(y - radius), 0), min(math.floor(y + radius) + 1, size)):
        wy = max(radius - abs(row + 0.5 - y), 0.0)
        for column in range(max(math.floor(x - radius), 0), min(math.floor(x + radius) + 1, size)):
            weight = wy * max(radius - abs(column + 0.5 - x), 0.0)
            above = shadow_map[row, column] - surface_nearby(height, tilt_x, tilt_y, column + 0.5 - x, row + 0.5 - y, cell_m)
            lit += weight * (1 - min(max(above / cell_m, 0.0), 1.0))
            total += weight
    return 1 - min(widest / half_shadow, 1.0) * (1 - lit / total) if total > 0 else 1.0


@njit(cache=True)
def unit(x, y, z):
    """The vector at length 1."""
    length = math.sqrt(x * x + y * y + z * z) + 1e-12
    return x / length, y / length, z / length


@njit(cache=True)
def carried(slope1, slope2, e1, e2, normal, area):
    """The slope over the moving face whose change along the edges e1 and e2 is given; all vectors have 3 values."""
    x = slope1 * (e2[1] * normal[2] - e2[2] * normal[1]) + slope2 * (normal[1] * e1[2] - normal[2] * e1[1])
    y = slope1 * (e2[2] * normal[0] - e2[0] * normal[2]) + slope2 * (normal[2] * e1[0] - normal[0] * e1[2])
    z = slope1 * (e2[0] * normal[1] - e2[1] * normal[0]) + slope2 * (normal[0] * e1[1] - normal[1] * e1[0])
    return x / area, y / area, z / area


@njit(cache=True)
def edge(vertices, a, b):
    """From vertex a to vertex b, 3 values."""
    return vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]


@njit(cache=True)
def blend(values, face, weights):
    """Three values of the vertices of a face, blended by barycentric weights."""
    a, b, c = face
    x = weights[0] * values[a, 0] + weights[1] * values[b, 0] + weights[2] * values[c, 0]
    y = weights[0] * values[a, 1] + weights[1] * values[b, 1] + weights[2] * values[c, 1]
    z = weights[0] * values[a, 2] + weights[1] * values[b, 2] + weights[2] * values[c, 2]
    return x, y, z


@njit(cache=True)
def highlight(kind, normal, view, strand):
    """Brightness of the key light's reflection: round on skin, shoes and eyes, a band across the strands on hair."""
    hx, hy, hz = unit(view[0] + KEY[0], view[1] + KEY[1], view[2] + KEY[2])
    if kind == _HAIR:
        along = strand[0] * hx + strand[1] * hy + strand[2] * hz
        return 0.05 * max(1 - along * along, 0.0) ** 30
    if GLOSS[kind, 0] == 0:
        return 0.0
    return GLOSS[kind, 0] * max(normal[0] * hx + normal[1] * hy + normal[2] * hz, 0.0) ** GLOSS[kind, 1]


@njit(cache=True)
def is_cloth(kind):
    """Whether a material has folds and a nap."""
    return kind == _SHIRT or kind == _TROUSERS or kind == _TRIM


@njit(cache=True)
def relief(kind, place, looseness, pixel_m):
    """Tone (about 0) and slope (3 values) at a place at rest of what stands out of the surface."""
    if kind == _HAIR:
        return strands(place[0], place[1], place[2], pixel_m)
    if is_cloth(kind):
        slope = fold_slope(place[0], place[1], place[2], looseness, pixel_m)
        return 0.0, slope[0], slope[1], slope[2]
    return 0.0, 0.0, 0.0, 0.0


@njit(cache=True)
def reached_by_key(light, at, flat):
    """From 0 to 1, how much of the key light reaches a point of a face with this normal."""
    shadow_map, m, cell_m = light
    towards = flat[0] * KEY[0] + flat[1] * KEY[1] + flat[2] * KEY[2]
    if towards < -0.5:  # the light would not show on the far side anyway
        return 0.0
    steep = max(towards, 0.25)
    tilt_x = -(flat[0] * m[0, 0] + flat[1] * m[0, 1] + flat[2] * m[0, 2]) * cell_m * cell_m / steep
    tilt_y = -(flat[0] * m[1, 0] + flat[1] * m[1, 1] + flat[2] * m[1, 2]) * cell_m * cell_m / steep
    off = 0.8 * cell_m  # a little above the surface, lest it shade itself
    x, y, z = at[0] + off * flat[0], at[1] + off * flat[1], at[2] + off * flat[2]
    u = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3]
    v = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]
    return lit_share(shadow_map, u, v, m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3], tilt_x, tilt_y, cell_m)


@njit(cache=True)
def received(kind, normal, lit, open_share, floor_colour):
    """The light, 3 values, that a place gets and scatters: key, fill, and what comes from all around."""
    towards_key = normal[0] * KEY[0] + normal[1] * KEY[1] + normal[2] * KEY[2]
    fill = max(normal[0] * FILL[0] + normal[1] * FILL[1] + normal[2] * FILL[2], 0.0) * (0.4 + 0.6 * open_share)
    up = 0.5 + 0.5 * normal[1]
    out = np.empty(3)
    for k in range(3):
        wrap = SKIN_WRAP[k] if kind == _SKIN else CLOTH_WRAP
        direct = max((towards_key + wrap) / (1 + wrap), 0.0) * lit
        around = SKY_COLOUR[k] * (up + (1 - up) * GROUND_SHARE * floor_colour[k]) * open_share
        out[k] = KEY_COLOUR[k] * direct + FILL_COLOUR[k] * fill + around
    return out[0], out[1], out[2]


@njit(cache=True)
def shade(shown, weights, albedo, model, posed, light, eye, floor_colour, pixel_m):
    """The light that comes from each sample on the performer to the camera.

    Args:
        shown, weights: (n,) faces and (n, 3) barycentric weights, from `raster.covered`.
        albedo: (n, 3) float32, the colour of the matter.
        model: (faces (F, 3), material (F,), rest (N, 3), looseness (N,), openness (N,)) with openness from 0 to 1, how much of
            its surroundings a place sees.
        posed: (vertices (N, 3), normals (N, 3)).
        light: (shadow map, (3, 4) matrix from metres to cells and height along the light, metres of a cell).
        eye: (3,) float64, the camera's position.
        floor_colour: (3,) float64.
        pixel_m: metres that a pixel shows at the performer.

    Returns:
        (n, 3) float32.
    """
    faces, material, rest, looseness, openness = model
    vertices, normals = posed
    out = np.empty((len(shown), 3), np.float32)
    for i in range(len(shown)):
        face, w, kind = faces[shown[i]], weights[i], material[shown[i]]
        a, b, c = face
        at, normal = blend(vertices, face, w), blend(normals, face, w)
        open_share = w[0] * openness[a] + w[1] * openness[b] + w[2] * openness[c]
        view = unit(eye[0] - at[0], eye[1] - at[1], eye[2] - at[2])

        # the face itself as it stands now: two edges, the normal, the area
        e1, e2 = edge(vertices, a, b), edge(vertices, a, c)
        gx, gy, gz = e1[1] * e2[2] - e1[2] * e2[1], e1[2] * e2[0] - e1[0] * e2[2], e1[0] * e2[1] - e1[1] * e2[0]
        area = math.sqrt(gx * gx + gy * gy + gz * gz) + 1e-12
        flat = (gx / area, gy / area, gz / area)

        # what stands out at rest has a slope along the two edges at rest, which is carried over to the face as it stands now
        loose = w[0] * looseness[a] + w[1] * looseness[b] + w[2] * looseness[c]
        tone, sx, sy, sz = relief(kind, blend(rest, face, w), loose, pixel_m)
        r1, r2 = edge(rest, a, b), edge(rest, a, c)
        bump = carried(sx * r1[0] + sy * r1[1] + sz * r1[2], sx * r2[0] + sy * r2[1] + sz * r2[2], e1, e2, flat, area)
        strand = carried(r1[1], r2[1], e1, e2, flat, area)
        smooth = unit(normal[0], normal[1], normal[2])
        normal = unit(normal[0] - bump[0], normal[1] - bump[1], normal[2] - bump[2])
        if flat[0] * view[0] + flat[1] * view[1] + flat[2] * view[2] < 0:  # the inside is seen
            normal, smooth = (-normal[0], -normal[1], -normal[2]), (-smooth[0], -smooth[1], -smooth[2])
            open_share *= 0.5

        lit = reached_by_key(light, at, smooth)
        shine = lit * open_share * highlight(kind, normal, view, unit(strand[0], strand[1], strand[2]))
        edge_on = 1 - max(normal[0] * view[0] + normal[1] * view[1] + normal[2] * view[2], 0.0)
        nap = 1 + SHEEN * edge_on**3 if is_cloth(kind) else 1.0
        got = received(kind, normal, lit, open_share, floor_colour)
        for k in range(3):
            out[i, k] = albedo[i, k] * (1 + 0.5 * tone) * nap * got[k] + KEY_COLOUR[k] * shine
    return out
