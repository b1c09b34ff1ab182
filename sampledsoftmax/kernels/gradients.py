"""What the true columns add to the gradients; the sampled columns are matrix products."""

from sampledsoftmax.kernels.jit import jit


@jit
def add_true_rows(true_grad, rows, inputs_grad):
    """Add true_grad[b, t] * rows[b * num_true + t] to inputs_grad[b]."""
    for b in range(true_grad.shape[0]):
        for t in range(true_grad.shape[1]):
            factor = true_grad[b, t]
            i = b * true_grad.shape[1] + t
            for d in range(rows.shape[1]):
                inputs_grad[b, d] += factor * rows[i, d]


@jit
def true_weight_rows(true_grad, inputs, rows):
    """Write true_grad[b, t] * inputs[b] to rows[b * num_true + t]."""
    for b in range(true_grad.shape[0]):
        for t in range(true_grad.shape[1]):
            factor = true_grad[b, t]
            i = b * true_grad.shape[1] + t
            for d in range(inputs.shape[1]):
                rows[i, d] = factor * inputs[b, d]
