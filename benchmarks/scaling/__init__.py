"""Time by number of cores: phases are measured on one thread, and what threads would do is simulated."""
