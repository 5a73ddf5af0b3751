"""Published results: the numbers that papers report, and the table that compares ours with them.

Millimetres, fractions 0..1. All use the official scripts' Procrustes analysis, which allows reflection, and most
methods are given a crop around the annotated hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class PublishedResults:
    """The results that papers report on one data set."""

    columns: Mapping[str, str]
    """Our measure names by the column titles of the papers."""
    rows: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    """Numbers by method; ``None`` if not reported."""


_HANDOS: Final = "HandOS (Chen et al., CVPR 2025)"
_MESH_COLUMNS: Final = {
    "PA-MPJPE": "official_pa_mpjpe_mm",
    "PA-MPVPE": "official_pa_mpvpe_mm",
    "F@5": "official_pa_f@5",
    "F@15": "official_pa_f@15",
}
_PCK_COLUMNS: Final = {f"PCK@{threshold}": f"pck@{threshold}_all" for threshold in (".05", ".1", ".15")}

FREIHAND: Final = PublishedResults(
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
HO3D_V2: Final = PublishedResults(_MESH_COLUMNS)
HO3D_V3: Final = PublishedResults(_MESH_COLUMNS, {_HANDOS: (8.4, 8.4, 0.584, 0.962)})
DEXYCB: Final = PublishedResults(
    {"PA-MPJPE": "official_pa_mpjpe_mm", "PA-MPVPE": "official_pa_mpvpe_mm", "AUC": "official_pa_mpjpe_auc"},
    {_HANDOS: (5.2, 5.0, 0.896)},
)
HINT: Final = {
    "newdays": PublishedResults(_PCK_COLUMNS, {_HANDOS: (0.558, 0.758, 0.845)}),
    "epick": PublishedResults(_PCK_COLUMNS, {_HANDOS: (0.662, 0.853, 0.918)}),
    "ego4d": PublishedResults(_PCK_COLUMNS, {_HANDOS: (0.646, 0.853, 0.928)}),
}


def comparison_table(published: PublishedResults, measures: Mapping[str, float], name: str) -> list[list[str]]:
    """Rows of text: column titles, our measures as the method `name`, published results."""
    measured = tuple(measures.get(measure) for measure in published.columns.values())
    rows = {name: measured, **published.rows}
    return [
        ["", *published.columns],
        *(
            [method, *(_format(value, column) for value, column in zip(values, published.columns, strict=True))]
            for method, values in rows.items()
        ),
    ]


def _format(value: float | None, column: str) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if column.startswith("PA-") else f"{value:.3f}"
