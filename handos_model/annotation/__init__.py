"""Thousands of recordings to one data set, on one machine or a Ray cluster."""
