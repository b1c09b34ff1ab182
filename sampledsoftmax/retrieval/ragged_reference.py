"""The loss of examples with ragged labels in plain NumPy, one pair at a time; the compiled step is tested against it.

A user is an example, and all of its items are labels. Every pair (b, p) of an example and one of its labels has the
loss of sampled softmax, in which all labels of b are left out of the candidates:

    loss(b, p) = -log( e_p w_p / ( e_p w_p + sum over candidates c that are no label of b of e_c w_c ) )

with e_i = exp(logit of b and i), w_i = 1 / expected count of i in the sample, and
logit = (dot product, or cosine) / temperature + bias. The loss of a batch is the mean over its pairs.
"""

import numpy as np

from sampledsoftmax.reference import scaled, through_scaling


def ragged_loss_and_grad(
    inputs, weights, biases, labels, candidates, true_count, sampled_count, temperature=1.0, normalize=False
):
    """Return (mean loss of the pairs, gradients of inputs, weights and biases).

    inputs [B, D], weights [V, D], biases [V], labels a list of B lists, candidates [S] with their expected counts
    sampled_count [S]; true_count[b][k] is that of the k-th label of example b. The gradients are dense.
    """
    grads = np.zeros_like(inputs), np.zeros_like(weights), np.zeros_like(biases)
    num_pairs = sum(map(len, labels))
    loss = 0.0
    for b, classes in enumerate(labels):
        x = scaled(inputs[b], normalize)
        left = [s for s, c in enumerate(candidates) if c not in classes]
        for p, count in zip(classes, true_count[b], strict=True):
            columns = [p, *(candidates[s] for s in left)]
            log_q = np.log(np.array([count, *(sampled_count[s] for s in left)], weights.dtype))
            logits = [x @ scaled(weights[c], normalize) / temperature + biases[c] for c in columns] - log_q
            shifted = logits - logits.max()
            exponentials = np.exp(shifted)
            probability = exponentials / exponentials.sum()
            loss += (np.log(exponentials.sum()) - shifted[0]) / num_pairs
            probability[0] -= 1.0
            for c, factor in zip(columns, probability / num_pairs, strict=True):
                y = scaled(weights[c], normalize)
                grads[0][b] += factor / temperature * y
                grads[1][c] += factor / temperature * x
                grads[2][c] += factor
    of_inputs, of_weights = through_scaling(grads[0], inputs, normalize), through_scaling(grads[1], weights, normalize)
    return loss, of_inputs, of_weights, grads[2]
