"""Kernels of the losses, from logits to losses and gradients of the logits."""
