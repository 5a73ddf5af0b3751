"""Light on what the rasteriser found: textures, lamps, shadow, ambient occlusion, a touch of gloss and translucency."""

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from handos_model.hand.hand import FloatArray
from handos_model.io.frame import ImageArray
from handos_model.synthesis.mesh import SceneMesh
from handos_model.synthesis.rasteriser import perspective_planes, rasterise
from handos_model.synthesis.shadows import in_shadow, shadow_map_of
from handos_model.synthesis.textures import LEVELS, TextureBank


@dataclass(frozen=True)
class Material:
    """How a surface answers to light."""

    texture: int
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Multiplies the texture's colour; linear BGR."""
    contrast: float = 1.0
    """Stretches the texture's colours about their mean."""
    gloss: float = 0.0
    """Strength of highlights."""
    sharpness: int = 4
    """Of highlights: the exponent is 2 to this power."""
    translucency: float = 0.0
    """How far light wraps around the shadow's edge, reddest first."""
    level: int = 0
    """Which size of the texture is read: 0 full, 1 half, 2 quarter."""


@dataclass(frozen=True)
class Lighting:
    """Distant lamps and a sky; the first lamp casts shadows."""

    directions: FloatArray
    """(L, 3) unit vectors towards the lamps, camera coordinates."""
    colours: FloatArray
    """(L, 3) linear BGR."""
    sky: FloatArray
    """(3,) light from above, linear BGR."""
    ground: FloatArray
    """(3,) light from below."""
    shadow: float
    """How dark the first lamp's shadow is, 0..1."""


@dataclass(frozen=True)
class Rendering:
    """A finished drawing."""

    image: ImageArray
    """(H, W, 3) BGR."""
    part_ids: npt.NDArray[np.uint8]
    """(H, W)"""
    owners: npt.NDArray[np.int8]
    """(H, W) the hand seen, -1 for anything else."""
    depth: FloatArray
    """(H, W) metres; infinite where only the background is seen."""


def draw(
    mesh: SceneMesh,
    occlusion: FloatArray,
    materials: list[Material],
    bank: TextureBank,
    lighting: Lighting,
    intrinsics: tuple[float, float, float, float],
    background: ImageArray,
) -> Rendering:
    """Draw a scene over a background, four samples per pixel.

    Parameters
    ----------
    mesh, occlusion
        The scene and (V,) the share of the sky each vertex sees.
    materials, bank
        What `mesh.materials` and the materials' textures refer to.
    lighting
        Lamps and sky.
    intrinsics
        fx, fy, cx, cy in pixels.
    background
        (H, W, 3) BGR; its size is the picture's.
    """
    fx, fy, cx, cy = (np.float32(value) for value in intrinsics)
    height, width = background.shape[:2]
    # Sample (2 x, 2 y) lies a quarter pixel up and left of the centre of pixel (x, y).
    samples = perspective_planes(
        mesh.vertices, mesh.faces, 2 * fx, 2 * fy, 2 * cx + np.float32(0.5), 2 * cy + np.float32(0.5)
    )
    nearness, ids = rasterise(*samples, 2 * height, 2 * width, np.float32(0))  # type: ignore[call-arg]  # hidden by numba
    light_frame, shadow_map = shadow_map_of(mesh, lighting.directions[0])
    table = _material_table(materials, bank)
    image, parts, owners, depth = _shade(
        nearness, ids, samples[0], mesh.vertices, mesh.normals, mesh.faces, mesh.uv, mesh.materials, mesh.parts,
        mesh.owners, mesh.tint, occlusion, table, bank.pixels, bank.table, lighting.directions, lighting.colours,
        lighting.sky, lighting.ground, np.float32(lighting.shadow), light_frame, shadow_map, background,
    )  # fmt: skip
    return Rendering(image, parts, owners, depth)


def _material_table(materials: list[Material], bank: TextureBank) -> FloatArray:
    rows = [
        (
            m.texture * LEVELS + m.level,
            *m.tint,
            m.contrast,
            *bank.means[m.texture],
            m.gloss,
            m.sharpness,
            m.translucency,
        )
        for m in materials
    ]
    return np.array(rows, np.float32)


@numba.njit(cache=True, fastmath=True)
def _shade(  # type: ignore[no-untyped-def]
    nearness, ids, planes, vertices, normals, faces, uv, face_material, face_part, face_owner, tint, occlusion,
    materials, texels, textures, lamps, lamp_colours, sky, ground, shadow, light_frame, shadow_map, background,
):  # fmt: skip
    """Colour every pixel: once where its four samples agree, else each sample of its own."""
    height, width = background.shape[:2]
    image = background.copy()
    parts = np.zeros((height, width), np.uint8)
    owners = np.full((height, width), -1, np.int8)
    depth = np.full((height, width), np.inf, np.float32)
    colour = np.empty(3, np.float32)
    total = np.empty(3, np.float32)
    for y in range(height):
        for x in range(width):
            f00, f01, f10, f11 = (
                ids[2 * y, 2 * x],
                ids[2 * y, 2 * x + 1],
                ids[2 * y + 1, 2 * x],
                ids[2 * y + 1, 2 * x + 1],
            )
            if f00 < 0 and f01 < 0 and f10 < 0 and f11 < 0:
                continue
            best = max(nearness[2 * y, 2 * x], nearness[2 * y + 1, 2 * x + 1])
            least = min(nearness[2 * y, 2 * x], nearness[2 * y + 1, 2 * x + 1])
            alike = (
                f00 >= 0 and f01 >= 0 and f10 >= 0 and f11 >= 0
                and face_material[f00] == face_material[f11] and face_material[f01] == face_material[f10]
                and best - least < 0.012 * best * best + 0.01 * best
            )  # fmt: skip
            total[:] = 0
            for k in range(4):
                face = f00 if k == 0 else (f01 if k == 1 else (f10 if k == 2 else f11))
                u = np.float32(2 * x + 0.5 if alike else 2 * x + (k & 1))
                v = np.float32(2 * y + 0.5 if alike else 2 * y + (k >> 1))
                if face >= 0:
                    _shade_sample(
                        colour, face, u, v, planes[face], vertices, normals, faces[face], uv[face],
                        materials[face_material[face]], tint, occlusion, texels, textures, lamps, lamp_colours, sky,
                        ground, shadow, light_frame, shadow_map,
                    )  # fmt: skip
                    total += colour
                else:
                    for c in range(3):
                        total[c] += np.float32(background[y, x, c]) / np.float32(255)
                if alike:
                    total *= 4
                    break
            for c in range(3):
                image[y, x, c] = np.uint8(min(total[c] * np.float32(63.75) + np.float32(0.5), np.float32(255)))
            front, where = f11, nearness[2 * y + 1, 2 * x + 1]
            if front < 0:
                front, where = f00, nearness[2 * y, 2 * x]
            if front >= 0 and (alike or (f00 >= 0) + (f01 >= 0) + (f10 >= 0) + (f11 >= 0) >= 2):
                parts[y, x] = face_part[front]
                owners[y, x] = face_owner[front]
                depth[y, x] = 1 / where
    return image, parts, owners, depth


@numba.njit(cache=True, fastmath=True, inline="always")
def _shade_sample(  # type: ignore[no-untyped-def]
    colour, face, u, v, plane, vertices, normals, corners, corner_uv, material, tint, occlusion, texels, textures,
    lamps, lamp_colours, sky, ground, shadow, light_frame, shadow_map,
):  # fmt: skip
    """Write the colour (3,) of one sample, gamma-encoded, 0..1."""
    b0 = max(plane[0, 0] * u + plane[0, 1] * v + plane[0, 2], np.float32(0))
    b1 = max(plane[1, 0] * u + plane[1, 1] * v + plane[1, 2], np.float32(0))
    b2 = max(plane[2, 0] * u + plane[2, 1] * v + plane[2, 2], np.float32(0))
    scale = 1 / (b0 + b1 + b2 + np.float32(1e-12))
    b0, b1, b2 = b0 * scale, b1 * scale, b2 * scale
    i0, i1, i2 = corners[0], corners[1], corners[2]
    px = b0 * vertices[i0, 0] + b1 * vertices[i1, 0] + b2 * vertices[i2, 0]
    py = b0 * vertices[i0, 1] + b1 * vertices[i1, 1] + b2 * vertices[i2, 1]
    pz = b0 * vertices[i0, 2] + b1 * vertices[i1, 2] + b2 * vertices[i2, 2]
    nx = b0 * normals[i0, 0] + b1 * normals[i1, 0] + b2 * normals[i2, 0]
    ny = b0 * normals[i0, 1] + b1 * normals[i1, 1] + b2 * normals[i2, 1]
    nz = b0 * normals[i0, 2] + b1 * normals[i1, 2] + b2 * normals[i2, 2]
    length = 1 / np.sqrt(nx * nx + ny * ny + nz * nz + np.float32(1e-12))
    nx, ny, nz = nx * length, ny * length, nz * length
    distance = 1 / np.sqrt(px * px + py * py + pz * pz)
    ex, ey, ez = -px * distance, -py * distance, -pz * distance
    seen = b0 * occlusion[i0] + b1 * occlusion[i1] + b2 * occlusion[i2]
    lit = np.float32(1) - shadow * in_shadow(px, py, pz, nx, ny, nz, light_frame, shadow_map)
    upward = np.float32(0.5) - np.float32(0.5) * ny
    gleam = np.float32(0)
    wrap = material[10]
    light0, light1, light2 = np.float32(0), np.float32(0), np.float32(0)
    for lamp in range(len(lamps)):
        lx, ly, lz = lamps[lamp, 0], lamps[lamp, 1], lamps[lamp, 2]
        facing = nx * lx + ny * ly + nz * lz
        strength = lit if lamp == 0 else np.float32(0.35) + np.float32(0.65) * seen
        # Light wraps furthest in red, least in blue: skin scatters it below the surface.
        w0, w1, w2 = wrap * np.float32(0.25), wrap * np.float32(0.45), wrap
        light0 += lamp_colours[lamp, 0] * strength * max((facing + w0) / (1 + w0), np.float32(0))
        light1 += lamp_colours[lamp, 1] * strength * max((facing + w1) / (1 + w1), np.float32(0))
        light2 += lamp_colours[lamp, 2] * strength * max((facing + w2) / (1 + w2), np.float32(0))
        if material[8] > 0 and facing > 0:
            hx, hy, hz = lx + ex, ly + ey, lz + ez
            half = (nx * hx + ny * hy + nz * hz) / np.sqrt(hx * hx + hy * hy + hz * hz + np.float32(1e-12))
            half = max(half, np.float32(0))
            for _ in range(int(material[9])):
                half *= half
            gleam += material[8] * strength * lamp_colours[lamp, 1] * half
    texture = textures[int(material[0])]
    tu = b0 * corner_uv[0, 0] + b1 * corner_uv[1, 0] + b2 * corner_uv[2, 0]
    tv = b0 * corner_uv[0, 1] + b1 * corner_uv[1, 1] + b2 * corner_uv[2, 1]
    for c in range(3):
        albedo = _texel(texels, texture, tu, tv, c)
        albedo = max(material[5 + c] + material[4] * (albedo * albedo - material[5 + c]), np.float32(0.002))
        albedo *= material[1 + c] * (b0 * tint[i0, c] + b1 * tint[i1, c] + b2 * tint[i2, c])
        ambient = (ground[c] + (sky[c] - ground[c]) * upward) * seen
        light = light0 if c == 0 else (light1 if c == 1 else light2)
        colour[c] = min(np.sqrt(albedo * (light + ambient) + gleam), np.float32(1))


@numba.njit(cache=True, fastmath=True, inline="always")
def _texel(texels, texture, u, v, channel):  # type: ignore[no-untyped-def]
    """Bilinear, 0..1; the texture repeats."""
    width, height = texture[1], texture[2]
    x, y = (u - np.floor(u)) * width - np.float32(0.5), (v - np.floor(v)) * height - np.float32(0.5)
    x0, y0 = int(np.floor(x)), int(np.floor(y))
    dx, dy = np.float32(x - x0), np.float32(y - y0)
    x1, y1 = (x0 + 1 if x0 + 1 < width else 0), (y0 + 1 if y0 + 1 < height else 0)
    x0, y0 = (x0 if x0 >= 0 else width - 1), (y0 if y0 >= 0 else height - 1)
    start = texture[0] + channel
    top = texels[start + 3 * (y0 * width + x0)] * (1 - dx) + texels[start + 3 * (y0 * width + x1)] * dx
    bottom = texels[start + 3 * (y1 * width + x0)] * (1 - dx) + texels[start + 3 * (y1 * width + x1)] * dx
    return np.float32((top * (1 - dy) + bottom * dy) / np.float32(255))
