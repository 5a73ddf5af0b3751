"""Shading of a scene: textures, lights, one shadow map, ambient occlusion, specular highlights, translucency."""

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import FloatArray, ImageArray
from handos_model.synthesis.antialiasing import choose_samples, resolve, resolve_labels
from handos_model.synthesis.lighting import Lighting
from handos_model.synthesis.mesh import SceneMesh
from handos_model.synthesis.rasteriser import perspective_planes, rasterise
from handos_model.synthesis.shadows import render_shadow_map, shadow_fractions
from handos_model.synthesis.textures import MIP_LEVELS, TextureBank, sample_textures

MAX_LOG2_SHININESS = 8


@dataclass(frozen=True)
class Material:
    """Reflectance of a surface."""

    texture: int
    """Number in the `TextureBank`."""
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Factors of the texture's colour, linear BGR."""
    contrast: float = 1.0
    """Scales the texture's colours about their mean."""
    specular: float = 0.0
    """Strength of the highlights."""
    log2_shininess: int = 4
    """The Blinn-Phong exponent is 2 to this power, at most `MAX_LOG2_SHININESS`."""
    translucency: float = 0.0
    """Wrap lighting: how far light reaches beyond the terminator, farthest in red."""
    mip_level: int = 0
    """Size of the texture that is sampled: 0 full, 1 half, 2 quarter."""


@dataclass(frozen=True)
class Rendering:
    """An image and what each of its pixels shows."""

    image: ImageArray
    """(H, W, 3) BGR."""
    part_ids: npt.NDArray[np.uint8]
    """(H, W) 0 = not a hand, 1 = palm, 2..6 = thumb..pinky."""
    hand_ids: npt.NDArray[np.int8]
    """(H, W) index of the hand in the scene, -1 for anything else."""
    depth: FloatArray
    """(H, W) metres; infinite on the background."""


def render_mesh(
    mesh: SceneMesh,
    occlusion: FloatArray,
    materials: list[Material],
    textures: TextureBank,
    lighting: Lighting,
    intrinsics: tuple[float, float, float, float],
    background: ImageArray,
) -> Rendering:
    """Render a mesh over a background, four samples per pixel.

    Parameters
    ----------
    mesh, occlusion
        The joined scene and its ambient occlusion (V,), 1 = none.
    materials, textures
        Indexed by `mesh.materials` and by the materials.
    lighting
        Lights and sky.
    intrinsics
        fx, fy, cx, cy in pixels.
    background
        (H, W, 3) BGR; sets the size of the image.
    """
    fx, fy, cx, cy = (np.float32(value) for value in intrinsics)
    height, width = background.shape[:2]
    # Sample (2x, 2y) lies a quarter of a pixel up and left of the centre of pixel (x, y).
    planes, bounds = perspective_planes(
        mesh.vertices, mesh.faces, 2 * fx, 2 * fy, 2 * cx + np.float32(0.5), 2 * cy + np.float32(0.5)
    )
    nearness, face_ids = rasterise(planes, bounds, 2 * height, 2 * width, np.float32(0))
    pixels, faces, positions, weights = choose_samples(nearness, face_ids, mesh.materials)
    attributes = np.column_stack([mesh.vertices, mesh.normals, occlusion, mesh.tint])
    surface = _surface_points(faces, positions, planes, mesh.faces, attributes, mesh.uv)
    colours = _shade(surface, mesh.materials[faces], mesh, materials, textures, lighting)
    image = resolve(pixels, weights, colours, background)
    labels = resolve_labels(nearness, face_ids, mesh.part_ids, mesh.hand_ids)
    return Rendering(image, *labels)


def _shade(
    surface: FloatArray, material: npt.NDArray[np.int16], mesh: SceneMesh, materials: list[Material],
    textures: TextureBank, lighting: Lighting,
) -> FloatArray:  # fmt: skip
    """(3, N) BGR 0..1, gamma-encoded, of points as in `_surface_points` with their materials (N,)."""
    table = _material_table(materials, textures)
    hidden = shadow_fractions(surface[:3], surface[3:6], *render_shadow_map(mesh, lighting.directions[0]))
    first_light = np.float32(1) - np.float32(lighting.shadow_strength) * hidden
    diffuse, specular = _illuminate(
        surface, first_light, table[7:].take(material, axis=1), lighting.directions, lighting.colours, lighting.sky,
        lighting.ground,
    )  # fmt: skip
    rows = np.array([m.texture * MIP_LEVELS + m.mip_level for m in materials])[material]
    texture = sample_textures(textures.pixels, textures.table, rows, surface[10:12])
    return _reflect(texture, surface[7:10], material, table, diffuse, specular)


def _material_table(materials: list[Material], textures: TextureBank) -> FloatArray:
    """(10, M) tint, contrast, mean colour, specular, log2 shininess, translucency."""
    rows = [
        (*m.tint, m.contrast, *textures.means[m.texture], m.specular, m.log2_shininess, m.translucency)
        for m in materials
    ]
    return np.array(rows, np.float32).T.copy()


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _surface_points(faces, positions, planes, corners, attributes, uv):  # type: ignore[no-untyped-def]
    """What faces have at samples: (12, N) position, unit normal, ambient visibility, tint, texture coordinates.

    Parameters
    ----------
    faces, positions
        (N,) and (N, 2) of the samples.
    planes, corners, uv
        (F, 4, 3), (F, 3) and (F, 3, 2) of all faces: see `perspective_planes` and `Mesh`.
    attributes
        (V, 10) of all vertices, in the order of the result.
    """
    surface = np.empty((12, len(faces)), np.float32)
    zero = np.float32(0)
    for n in range(len(faces)):
        f, u, v = faces[n], positions[n, 0], positions[n, 1]
        b0 = max(planes[f, 0, 0] * u + planes[f, 0, 1] * v + planes[f, 0, 2], zero)
        b1 = max(planes[f, 1, 0] * u + planes[f, 1, 1] * v + planes[f, 1, 2], zero)
        b2 = max(planes[f, 2, 0] * u + planes[f, 2, 1] * v + planes[f, 2, 2], zero)
        scale = np.float32(1) / (b0 + b1 + b2 + np.float32(1e-12))
        b0, b1, b2 = b0 * scale, b1 * scale, b2 * scale
        i0, i1, i2 = corners[f, 0], corners[f, 1], corners[f, 2]
        for k in range(10):
            surface[k, n] = b0 * attributes[i0, k] + b1 * attributes[i1, k] + b2 * attributes[i2, k]
        for k in range(2):
            surface[10 + k, n] = b0 * uv[f, 0, k] + b1 * uv[f, 1, k] + b2 * uv[f, 2, k]
        x, y, z = surface[3, n], surface[4, n], surface[5, n]
        length = np.float32(1) / np.sqrt(x * x + y * y + z * z + np.float32(1e-12))
        surface[3, n], surface[4, n], surface[5, n] = x * length, y * length, z * length
    return surface


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _illuminate(surface, first_light, gloss, directions, colours, sky, ground):  # type: ignore[no-untyped-def]
    """Light that points reflect in all directions (3, N) and in highlights (N,).

    Parameters
    ----------
    surface, first_light
        (12, N) of the points: see `_surface_points`; (N,) what shadows leave of the first light.
    gloss
        (3, N) specular, log2 shininess and translucency of their materials.
    directions, colours, sky, ground
        Of the lights: see `Lighting`.
    """
    count, zero, one = len(first_light), np.float32(0), np.float32(1)
    diffuse, specular = np.empty((3, count), np.float32), np.zeros(count, np.float32)
    for c in range(3):
        below, difference = ground[c], sky[c] - ground[c]
        for n in range(count):
            upward = np.float32(0.5) - np.float32(0.5) * surface[4, n]
            diffuse[c, n] = (below + difference * upward) * surface[6, n]
    for k in range(len(directions)):
        lx, ly, lz = directions[k, 0], directions[k, 1], directions[k, 2]
        blue, green, red = colours[k, 0], colours[k, 1], colours[k, 2]
        for n in range(count):
            nx, ny, nz = surface[3, n], surface[4, n], surface[5, n]
            n_dot_l = nx * lx + ny * ly + nz * lz
            strength = first_light[n] if k == 0 else np.float32(0.35) + np.float32(0.65) * surface[6, n]
            # Wrap lighting, farthest in red and least in blue, stands for subsurface scattering in skin.
            w0, w1, w2 = gloss[2, n] * np.float32(0.25), gloss[2, n] * np.float32(0.45), gloss[2, n]
            diffuse[0, n] += blue * strength * max((n_dot_l + w0) / (one + w0), zero)
            diffuse[1, n] += green * strength * max((n_dot_l + w1) / (one + w1), zero)
            diffuse[2, n] += red * strength * max((n_dot_l + w2) / (one + w2), zero)
            px, py, pz = surface[0, n], surface[1, n], surface[2, n]
            distance = one / np.sqrt(px * px + py * py + pz * pz)
            hx, hy, hz = lx - px * distance, ly - py * distance, lz - pz * distance
            n_dot_h = (nx * hx + ny * hy + nz * hz) / np.sqrt(hx * hx + hy * hy + hz * hz + np.float32(1e-12))
            shine = max(n_dot_h, zero) if n_dot_l > 0 else zero
            for power in range(MAX_LOG2_SHININESS):
                shine = shine * shine if power < gloss[1, n] else shine
            specular[n] += gloss[0, n] * strength * green * shine
    return diffuse, specular


@numba.njit(cache=True, fastmath=True)
def _reflect(texture, tint, material, table, diffuse, specular):  # type: ignore[no-untyped-def]
    """Colours (3, N) 0..1, gamma-encoded, of points with these texture colours, tints (3, N) and lights."""
    colours = np.empty_like(texture)
    for c in range(3):
        for n in range(texture.shape[1]):
            mean = table[4 + c, material[n]]
            contrasted = mean + table[3, material[n]] * (texture[c, n] * texture[c, n] - mean)
            albedo = max(contrasted, np.float32(0.002)) * table[c, material[n]] * tint[c, n]
            colours[c, n] = min(np.sqrt(albedo * diffuse[c, n] + specular[n]), np.float32(1))
    return colours
