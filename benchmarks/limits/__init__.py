"""The limit of a step on this machine: the time of its matrix products at peak rate plus its rows at peak bandwidth."""
