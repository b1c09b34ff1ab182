"""The least time that a step can take on this machine: its products at peak rate, then its rows at peak bandwidth."""
