"""Shading of a scene: textures, lights, one shadow map, ambient occlusion, specular highlights, translucency."""

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import FloatArray, ImageArray
from handos_model.synthesis.lighting import Lighting
from handos_model.synthesis.mesh import SceneMesh
from handos_model.synthesis.rasteriser import perspective_planes, rasterise
from handos_model.synthesis.shadows import render_shadow_map, shadow_fraction
from handos_model.synthesis.textures import MIP_LEVELS, TextureBank


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
    """The Blinn-Phong exponent is 2 to this power."""
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
    samples = perspective_planes(
        mesh.vertices, mesh.faces, 2 * fx, 2 * fy, 2 * cx + np.float32(0.5), 2 * cy + np.float32(0.5)
    )
    nearness, face_ids = rasterise(*samples, 2 * height, 2 * width, np.float32(0))  # type: ignore[call-arg]  # hidden by numba
    camera_to_light, shadow_map = render_shadow_map(mesh, lighting.directions[0])
    table = _material_table(materials, textures)
    image, part_ids, hand_ids, depth = _shade(
        nearness, face_ids, samples[0], mesh.vertices, mesh.normals, mesh.faces, mesh.uv, mesh.materials,
        mesh.part_ids, mesh.hand_ids, mesh.tint, occlusion, table, textures.pixels, textures.table,
        lighting.directions, lighting.colours, lighting.sky, lighting.ground, np.float32(lighting.shadow_strength),
        camera_to_light, shadow_map, background,
    )  # fmt: skip
    return Rendering(image, part_ids, hand_ids, depth)


def _material_table(materials: list[Material], textures: TextureBank) -> FloatArray:
    """(M, 11) row of the texture table, tint, contrast, mean colour, specular, log2 shininess, translucency."""
    rows = []
    for m in materials:
        texture, mean = m.texture * MIP_LEVELS + m.mip_level, textures.means[m.texture]
        rows.append((texture, *m.tint, m.contrast, *mean, m.specular, m.log2_shininess, m.translucency))
    return np.array(rows, np.float32)


@numba.njit(cache=True, fastmath=True)
def _shade(  # type: ignore[no-untyped-def]
    nearness, face_ids, planes, vertices, normals, faces, uv, face_material, face_part, face_hand, tint, occlusion,
    materials, texels, textures, light_directions, light_colours, sky, ground, shadow_strength, camera_to_light,
    shadow_map, background,
):  # fmt: skip
    """Colour every pixel: shade once where its four samples agree, else shade each sample."""
    height, width = background.shape[:2]
    image = background.copy()
    part_ids = np.zeros((height, width), np.uint8)
    hand_ids = np.full((height, width), -1, np.int8)
    depth = np.full((height, width), np.inf, np.float32)
    colour = np.empty(3, np.float32)
    total = np.empty(3, np.float32)
    for y in range(height):
        for x in range(width):
            f00, f01, f10, f11 = (
                face_ids[2 * y, 2 * x],
                face_ids[2 * y, 2 * x + 1],
                face_ids[2 * y + 1, 2 * x],
                face_ids[2 * y + 1, 2 * x + 1],
            )
            if f00 < 0 and f01 < 0 and f10 < 0 and f11 < 0:
                continue
            nearest = max(nearness[2 * y, 2 * x], nearness[2 * y + 1, 2 * x + 1])
            farthest = min(nearness[2 * y, 2 * x], nearness[2 * y + 1, 2 * x + 1])
            uniform = (
                f00 >= 0 and f01 >= 0 and f10 >= 0 and f11 >= 0
                and face_material[f00] == face_material[f11] and face_material[f01] == face_material[f10]
                and nearest - farthest < 0.012 * nearest * nearest + 0.01 * nearest
            )  # fmt: skip
            total[:] = 0
            for k in range(4):
                face = f00 if k == 0 else (f01 if k == 1 else (f10 if k == 2 else f11))
                u = np.float32(2 * x + 0.5 if uniform else 2 * x + (k & 1))
                v = np.float32(2 * y + 0.5 if uniform else 2 * y + (k >> 1))
                if face >= 0:
                    _shade_sample(
                        colour, u, v, planes[face], vertices, normals, faces[face], uv[face],
                        materials[face_material[face]], tint, occlusion, texels, textures, light_directions,
                        light_colours, sky, ground, shadow_strength, camera_to_light, shadow_map,
                    )  # fmt: skip
                    total += colour
                else:
                    for c in range(3):
                        total[c] += np.float32(background[y, x, c]) / np.float32(255)
                if uniform:
                    total *= 4
                    break
            for c in range(3):
                image[y, x, c] = np.uint8(min(total[c] * np.float32(63.75) + np.float32(0.5), np.float32(255)))
            front, front_nearness = f11, nearness[2 * y + 1, 2 * x + 1]
            if front < 0:
                front, front_nearness = f00, nearness[2 * y, 2 * x]
            if front >= 0 and (uniform or (f00 >= 0) + (f01 >= 0) + (f10 >= 0) + (f11 >= 0) >= 2):
                part_ids[y, x] = face_part[front]
                hand_ids[y, x] = face_hand[front]
                depth[y, x] = 1 / front_nearness
    return image, part_ids, hand_ids, depth


@numba.njit(cache=True, fastmath=True, inline="always")
def _shade_sample(  # type: ignore[no-untyped-def]
    colour, u, v, plane, vertices, normals, corners, corner_uv, material, tint, occlusion, texels, textures,
    light_directions, light_colours, sky, ground, shadow_strength, camera_to_light, shadow_map,
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
    ambient_visibility = b0 * occlusion[i0] + b1 * occlusion[i1] + b2 * occlusion[i2]
    first_visibility = np.float32(1) - shadow_strength * shadow_fraction(
        px, py, pz, nx, ny, nz, camera_to_light, shadow_map
    )
    upward = np.float32(0.5) - np.float32(0.5) * ny
    specular = np.float32(0)
    wrap = material[10]
    light0, light1, light2 = np.float32(0), np.float32(0), np.float32(0)
    for k in range(len(light_directions)):
        lx, ly, lz = light_directions[k, 0], light_directions[k, 1], light_directions[k, 2]
        n_dot_l = nx * lx + ny * ly + nz * lz
        strength = first_visibility if k == 0 else np.float32(0.35) + np.float32(0.65) * ambient_visibility
        # Wrap lighting, farthest in red and least in blue, stands for subsurface scattering in skin.
        w0, w1, w2 = wrap * np.float32(0.25), wrap * np.float32(0.45), wrap
        light0 += light_colours[k, 0] * strength * max((n_dot_l + w0) / (1 + w0), np.float32(0))
        light1 += light_colours[k, 1] * strength * max((n_dot_l + w1) / (1 + w1), np.float32(0))
        light2 += light_colours[k, 2] * strength * max((n_dot_l + w2) / (1 + w2), np.float32(0))
        if material[8] > 0 and n_dot_l > 0:
            hx, hy, hz = lx + ex, ly + ey, lz + ez
            n_dot_h = (nx * hx + ny * hy + nz * hz) / np.sqrt(hx * hx + hy * hy + hz * hz + np.float32(1e-12))
            n_dot_h = max(n_dot_h, np.float32(0))
            for _ in range(int(material[9])):
                n_dot_h *= n_dot_h
            specular += material[8] * strength * light_colours[k, 1] * n_dot_h
    texture = textures[int(material[0])]
    tu = b0 * corner_uv[0, 0] + b1 * corner_uv[1, 0] + b2 * corner_uv[2, 0]
    tv = b0 * corner_uv[0, 1] + b1 * corner_uv[1, 1] + b2 * corner_uv[2, 1]
    for c in range(3):
        albedo = _texel(texels, texture, tu, tv, c)
        albedo = max(material[5 + c] + material[4] * (albedo * albedo - material[5 + c]), np.float32(0.002))
        albedo *= material[1 + c] * (b0 * tint[i0, c] + b1 * tint[i1, c] + b2 * tint[i2, c])
        ambient = (ground[c] + (sky[c] - ground[c]) * upward) * ambient_visibility
        light = light0 if c == 0 else (light1 if c == 1 else light2)
        colour[c] = min(np.sqrt(albedo * (light + ambient) + specular), np.float32(1))


@numba.njit(cache=True, fastmath=True, inline="always")
def _texel(texels, texture, u, v, channel):  # type: ignore[no-untyped-def]
    """One channel of a texture, bilinear, 0..1; the texture repeats."""
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
