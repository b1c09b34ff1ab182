"""Plots: the loss curve and the map of words."""
