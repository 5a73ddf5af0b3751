"""How accurate and how fast the network is.

Measures        `metrics` (PCK, MPJPE, Procrustes alignment), `score_calibration`, `matching` (box IoU)
Own images      `image_evaluation`, `video_evaluation`, `report` (tables, JSON)
Published data  `suites` lists the data sets, `suite_evaluation` evaluates on one: `predictor` runs the network,
                `prediction_log` is predictions.jsonl, `prediction_files` the official formats such as pred.json,
                `scoring_2d` and `scoring_3d` compute `scores`, `html_report` writes report.html
Engines         `latency`, `export_parity`
"""
