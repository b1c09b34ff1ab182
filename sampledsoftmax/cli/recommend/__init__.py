"""The commands of `sampledsoftmax recommend`."""
