"""Numbers that papers report, to stand beside ours.

Millimetres, shares 0..1. All were reached with the official scripts' Procrustes analysis, which allows mirroring, and
most by methods that are given a crop around the true hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Published:
    """The comparison that papers print for one benchmark."""

    columns: Mapping[str, str]
    """Our measures by the papers' column titles."""
    rows: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    """Numbers by method; ``None`` where a method reports none."""


_HANDOS: Final = "HandOS (Chen et al., CVPR 2025)"
_MESH_COLUMNS: Final = {
    "PA-MPJPE": "official_pa_mpjpe_mm",
    "PA-MPVPE": "official_pa_mpvpe_mm",
    "F@5": "official_pa_f@5",
    "F@15": "official_pa_f@15",
}
_PCK_COLUMNS: Final = {f"PCK@{threshold}": f"pck@{threshold}_all" for threshold in (".05", ".1", ".15")}

FREIHAND: Final = Published(
    _MESH_COLUMNS,
    {
        _HANDOS: (5.0, 5.3, 0.812, 0.991),
        "WiLoR (Potamias et al., CVPR 2025)": (5.5, 5.1, None, None),
        "MobRecon (Chen et al., CVPR 2022)": (5.7, 5.8, None, None),
        "simpleHand (Zhou et al., CVPR 2024)": (5.7, 6.0, None, None),
        "Hamba (Dong et al., NeurIPS 2024)": (5.8, 5.5, None, None),
        "HaMeR (Pavlakos et al., CVPR 2024)": (6.0, 5.7, None, None),
    },
)
HO3D_V2: Final = Published(_MESH_COLUMNS)
HO3D_V3: Final = Published(_MESH_COLUMNS, {_HANDOS: (8.4, 8.4, 0.584, 0.962)})
DEXYCB: Final = Published(
    {"PA-MPJPE": "official_pa_mpjpe_mm", "PA-MPVPE": "official_pa_mpvpe_mm", "AUC": "official_pa_mpjpe_auc"},
    {_HANDOS: (5.2, 5.0, 0.896)},
)
HINT: Final = {
    "newdays": Published(_PCK_COLUMNS, {_HANDOS: (0.558, 0.758, 0.845)}),
    "epick": Published(_PCK_COLUMNS, {_HANDOS: (0.662, 0.853, 0.918)}),
    "ego4d": Published(_PCK_COLUMNS, {_HANDOS: (0.646, 0.853, 0.928)}),
}


def comparison(published: Published, measures: Mapping[str, float], name: str) -> list[list[str]]:
    """Rows of text: column titles, what was measured as `name`, and what papers report."""
    measured = tuple(measures.get(measure) for measure in published.columns.values())
    rows = {name: measured, **published.rows}
    return [
        ["", *published.columns],
        *(
            [method, *(_text(value, column) for value, column in zip(values, published.columns, strict=True))]
            for method, values in rows.items()
        ),
    ]


def _text(value: float | None, column: str) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if column.startswith("PA-") else f"{value:.3f}"
