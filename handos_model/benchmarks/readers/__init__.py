"""Readers of the benchmarks' data sets."""
