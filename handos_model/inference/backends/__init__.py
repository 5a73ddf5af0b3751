"""Backends that run the network: ONNX Runtime, TensorRT and torch behind one protocol."""
