"""The thread pool, the memory of a step, and the configuration of the process."""
