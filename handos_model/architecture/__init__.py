"""The network: detector, query filtering, side network, joint expansion, lifting, decoder layers, heads."""

import os

# The deformable attention of transformers checks shapes with an operator that neither ONNX nor the meta device has.
os.environ["TRANSFORMERS_DISABLE_TORCH_CHECK"] = "1"
