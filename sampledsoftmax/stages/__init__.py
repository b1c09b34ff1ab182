"""The stages of one step on plain arrays: gather -> logits -> cross_entropy -> gradients.

Each allocates its result and calls the kernels of the same topic. Arguments have been checked. Nothing
flows back, and a stage knows only the arrays that it is given.
"""
