"""The network: detector, side network, query expansion, lifting, decoder, heads."""

import os

# The deformable attention of transformers checks shapes with an operator that neither ONNX nor the meta device has.
os.environ["TRANSFORMERS_DISABLE_TORCH_CHECK"] = "1"
