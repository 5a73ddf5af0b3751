"""The network compiled by TensorRT for one GPU: building, keeping and running it."""
