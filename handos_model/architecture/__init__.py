"""The network: detector, side network, query expansion, lifting, decoder, heads."""
