"""The whole method in plain NumPy, to be read from top to bottom; the compiled code is tested against it.

Conventions: V classes, dim D, a batch of B examples with T labels each, S candidates shared by the batch;
weights [V, D], biases [V], labels [B, T], inputs [B, D], candidates [S]. Every function takes float32 or
float64 arrays and computes in their precision. Arguments are not validated here. An example may have a weight
(`sample_weight` [B], finite and at least 0); a label equal to `ignore_index` is padding and counts as no label.
With `normalize`, inputs and rows of weights are divided by their lengths: dot products become cosines.

1. sample    draw S candidates, and compute how often each class is expected among them
2. gather    read the rows of the labels and of the candidates; no other row of `weights` is touched
3. logits    dot products / temperature, plus biases, minus log(expected count); accidental hits are removed
4. loss      softmax cross-entropy over T + S columns instead of V
5. gradients in closed form, of the inputs and of the gathered rows
6. update    an optimizer step on those rows
"""

import numpy as np

# --- 1. sample ------------------------------------------------------------------------------------------


def philox_words(seed, stream, first_block, num_blocks):
    """Return the 32-bit words of `num_blocks` Philox4x32-10 blocks, in order (uint64 [4 * num_blocks]).

    Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011: ten rounds that mix a counter
    (block index and stream) with a key (the seed).
    """
    low = np.uint64(0xFFFFFFFF)
    block = np.uint64(first_block) + np.arange(num_blocks, dtype=np.uint64)
    c = [block & low, block >> 32, np.full_like(block, stream & 0xFFFFFFFF), np.full_like(block, stream >> 32)]
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> 32) ^ c[1] ^ np.uint64(key[0]), b & low, (a >> 32) ^ c[3] ^ np.uint64(key[1]), a & low]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(c, axis=1).ravel()


def log_uniform_draws(seed, stream, num_draws, num_classes):
    """Return class ids, k with probability log((k + 2) / (k + 1)) / log(V + 1) (int64 [num_draws])."""
    words = philox_words(seed, stream, 0, (num_draws + 1) // 2).reshape(-1, 2)[:num_draws]
    uniform = ((words[:, 0] & 0xFFFFF) << 32 | words[:, 1]) * 2.0**-52
    return (np.exp(uniform * np.log1p(num_classes)).astype(np.int64) - 1) % num_classes


def log_uniform_sample(seed, stream, num_sampled, num_classes, unique=True):
    """Return (candidates [S], tries): with `unique`, the first S distinct draws and how many draws it took."""
    num_draws = num_sampled
    while True:
        draws = log_uniform_draws(seed, stream, num_draws, num_classes)
        if not unique:
            return draws, num_draws
        first_seen = np.sort(np.unique(draws, return_index=True)[1])[:num_sampled]
        if first_seen.size == num_sampled:
            return draws[first_seen], int(first_seen[-1]) + 1
        num_draws *= 2


def log_uniform_expected_count(ids, num_sampled, tries, num_classes):
    """Return the expected count of each id in the sample (float32), by TensorFlow's approximation."""
    p = (np.log((ids + 2.0) / (ids + 1.0)) / np.log1p(num_classes)).astype(np.float32)
    if tries == num_sampled:
        return p * np.float32(num_sampled)
    with np.errstate(divide="ignore"):  # V = 1: log1p(-1) = -inf, and the count is 1
        return (-np.expm1(tries * np.log1p(-p.astype(np.float64)))).astype(np.float32)


# --- 2. gather and 3. logits ----------------------------------------------------------------------------


def accidental_hits(labels, candidates):
    """Return whether each candidate is a label of each example (bool [B, S])."""
    return (labels[:, :, np.newaxis] == candidates).any(axis=1)


def what_counts(labels, sample_weight=None, ignore_index=None):
    """Return (weights [B], whether a label counts [B, T]): not padding, and of an example whose weight is above 0."""
    real = labels != ignore_index
    weight = (np.ones(labels.shape[0]) if sample_weight is None else sample_weight) * real.any(axis=1)
    return weight, real & (weight > 0)[:, np.newaxis]


def lengths(rows):
    """Return the length of each row [..., 1]; infinity below 1e-12, so that a row divided by it is zeros."""
    norm = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=-1, keepdims=True))
    return np.where(norm < 1e-12, np.inf, norm).astype(rows.dtype)


def scaled(rows, normalize, temperature=1.0):
    """Return rows / temperature, with `normalize` rows of unit length / temperature."""
    rows = rows / lengths(rows) if normalize else rows
    return rows if temperature == 1 else rows / temperature


def through_scaling(gradient, rows, normalize, temperature=1.0):
    """Return the gradient with respect to `rows`, given that with respect to `scaled(rows, ...)`."""
    gradient = gradient if temperature == 1 else gradient / temperature
    if not normalize:
        return gradient
    unit = rows / lengths(rows)
    return (gradient - (gradient * unit).sum(axis=-1, keepdims=True) * unit) / lengths(rows)


def sampled_logits(
    weights, biases, labels, inputs, values, subtract_log_q=True, remove_hits=True, temperature=1.0, normalize=False
):
    """Return logits [B, T + S]: labels, then candidates; a removed hit is -inf."""
    candidates, true_count, sampled_count = values
    inputs = scaled(inputs, normalize, temperature)
    true = np.einsum("btd,bd->bt", scaled(weights[labels], normalize), inputs) + biases[labels]
    sampled = inputs @ scaled(weights[candidates], normalize).T + biases[candidates]
    if subtract_log_q:
        true = true - np.log(true_count.astype(weights.dtype))
        sampled = sampled - np.log(sampled_count.astype(weights.dtype))
    if remove_hits:
        sampled = np.where(accidental_hits(labels, candidates), -np.inf, sampled)
    return np.concatenate([true, sampled], axis=1).astype(weights.dtype)


# --- 4. loss --------------------------------------------------------------------------------------------


def cross_entropy(logits, num_true):
    """Return (loss [B], gradient of the loss with respect to the logits [B, T + S]).

    loss = log sum exp(logits) - mean of the true logits; the gradient is probability - target.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    normalizer = exponentials.sum(axis=1, keepdims=True)
    loss = np.log(normalizer[:, 0]) - shifted[:, :num_true].mean(axis=1)
    gradient = exponentials / normalizer
    gradient[:, :num_true] -= 1.0 / num_true
    return loss, gradient


def sigmoid_cross_entropy(logits, num_true):
    """Return (NCE loss [B], gradient with respect to the logits [B, T + S]): an independent decision per column.

    loss = sum of log(1 + exp(logit)) - mean of the true logits; the gradient is sigmoid(logit) - target.
    """
    loss = np.logaddexp(0, logits).sum(axis=1) - logits[:, :num_true].mean(axis=1)
    gradient = np.exp(-np.logaddexp(0, -logits))
    gradient[:, :num_true] -= 1.0 / num_true
    return loss, gradient


# --- 5. gradients ---------------------------------------------------------------------------------------


def sampled_loss_and_grad(
    weights, biases, labels, inputs, values, subtract_log_q=True, remove_hits=True, loss_grad=None, of=cross_entropy,
    temperature=1.0, normalize=False,
):  # fmt: skip
    """Return loss [B], indices [B * T + S], gradients of those rows, of those biases, and of the inputs.

    `of` is the loss of the logits: `cross_entropy` (sampled softmax) or `sigmoid_cross_entropy` (NCE).
    """
    num_true, candidates, options = labels.shape[1], values[0], (temperature, normalize)
    logits = sampled_logits(weights, biases, labels, inputs, values, subtract_log_q, remove_hits, *options)
    loss, logit_grad = of(logits, num_true)
    if loss_grad is not None:
        logit_grad = logit_grad * loss_grad[:, np.newaxis]
    true_grad, sampled_grad = logit_grad[:, :num_true], logit_grad[:, num_true:]

    true_rows, sampled_rows = scaled(weights[labels], normalize), scaled(weights[candidates], normalize)
    inputs_grad = np.einsum("bt,btd->bd", true_grad, true_rows) + sampled_grad @ sampled_rows
    features = scaled(inputs, normalize, temperature)
    of_labels = (true_grad[:, :, np.newaxis] * features[:, np.newaxis, :]).reshape(-1, inputs.shape[1])
    indices = np.concatenate([labels.ravel(), candidates])
    rows = np.concatenate([of_labels, sampled_grad.T @ features])
    rows = through_scaling(rows, weights[indices], normalize) if normalize else rows
    entries = np.concatenate([true_grad.ravel(), sampled_grad.sum(axis=0)])
    return loss, indices, rows, entries, through_scaling(inputs_grad, inputs, normalize, temperature)


def weighted_loss_and_grad(weights, biases, labels, inputs, values, sample_weight, ignore_index, **options):
    """Return what `sampled_loss_and_grad` does, for examples with weights and with padding among their labels.

    Each example is a batch of its own, with the labels that count. The gradients of the labels come row by row, then
    those of the candidates, summed over the examples.
    """
    candidates, true_count, sampled_count = values
    weight, counts = what_counts(labels, sample_weight, ignore_index)
    loss, inputs_grad, of_labels = np.zeros(labels.shape[0]), np.zeros_like(inputs), []
    rows = np.zeros((candidates.size, inputs.shape[1]), inputs.dtype)
    entries = np.zeros(candidates.size, inputs.dtype)
    for b in np.flatnonzero(weight):
        own, one = counts[b], slice(b, b + 1)
        its_values = (candidates, true_count[one, own], sampled_count)
        result = sampled_loss_and_grad(
            weights, biases, labels[one, own], inputs[one], its_values, loss_grad=weight[one], **options
        )
        loss[b], num_labels = weight[b] * result[0][0], own.sum()
        of_labels.append([part[:num_labels] for part in result[1:4]])
        rows += result[2][num_labels:]
        entries += result[3][num_labels:]
        inputs_grad[b] = result[4][0]
    of_labels.append([candidates, rows, entries])
    return loss, *map(np.concatenate, zip(*of_labels, strict=True)), inputs_grad


def full_softmax_loss_and_grad(weights, biases, labels, inputs, temperature=1.0, normalize=False):
    """Return loss [B], gradients of weights [V, D], biases [V] and inputs [B, D], over all V classes."""
    features, rows = scaled(inputs, normalize, temperature), scaled(weights, normalize)
    logits = features @ rows.T + biases
    log_p = logits - logits.max(axis=1, keepdims=True)
    log_p = log_p - np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    loss = -np.take_along_axis(log_p, labels, axis=1).mean(axis=1)
    target = np.zeros_like(logits)
    np.add.at(target, (np.arange(labels.shape[0])[:, np.newaxis], labels), 1.0 / labels.shape[1])
    logit_grad = np.exp(log_p) - target
    weights_grad = through_scaling(logit_grad.T @ features, weights, normalize)
    inputs_grad = through_scaling(logit_grad @ rows, inputs, normalize, temperature)
    return loss, weights_grad, logit_grad.sum(axis=0), inputs_grad


def loss_of_rows(inputs, rows, of=cross_entropy, subtract_log_q=True, remove_hits=True):
    """Return loss [B], gradients of the inputs [B, D] and of the four trained arrays of `ss.PulledRows`.

    Temperature and normalization are those of the rows.
    """
    features = scaled(inputs, rows.normalize, rows.temperature)
    true_rows, sampled_rows = (scaled(w, rows.normalize) for w in (rows.label_weights, rows.sampled_weights))
    true = np.einsum("btd,bd->bt", true_rows, features) + rows.label_biases
    sampled = features @ sampled_rows.T + rows.sampled_biases
    if subtract_log_q:
        true, sampled = true - rows.label_log_q, sampled - rows.sampled_log_q
    if remove_hits:
        sampled = np.where(rows.hits, -np.inf, sampled)
    loss, logit_grad = of(np.concatenate([true, sampled], axis=1), true.shape[1])
    true_grad, sampled_grad = logit_grad[:, : true.shape[1]], logit_grad[:, true.shape[1] :]
    inputs_grad = np.einsum("bt,btd->bd", true_grad, true_rows) + sampled_grad @ sampled_rows
    label_grad = true_grad[:, :, np.newaxis] * features[:, np.newaxis, :]
    label_grad = through_scaling(label_grad, rows.label_weights, rows.normalize)
    row_grad = through_scaling(sampled_grad.T @ features, rows.sampled_weights, rows.normalize)
    inputs_grad = through_scaling(inputs_grad, inputs, rows.normalize, rows.temperature)
    return loss, inputs_grad, (label_grad, true_grad, row_grad, sampled_grad.sum(axis=0))


# --- 6. update ------------------------------------------------------------------------------------------


def sum_duplicates(indices, rows):
    """Return (unique indices, sum of the rows of each index)."""
    unique, inverse = np.unique(indices, return_inverse=True)
    sums = np.zeros((unique.size, *rows.shape[1:]), rows.dtype)
    np.add.at(sums, inverse, rows)
    return unique, sums


def sgd(table, indices, rows, learning_rate):
    """Take a step of gradient descent on the rows in `indices`, in place."""
    unique, sums = sum_duplicates(indices, rows)
    table[unique] -= table.dtype.type(learning_rate) * sums


def adagrad(table, accumulator, indices, rows, learning_rate):
    """Take a step of Adagrad (Duchi et al. 2011) on the rows in `indices`, in place."""
    unique, sums = sum_duplicates(indices, rows)
    accumulator[unique] += sums**2
    table[unique] -= table.dtype.type(learning_rate) * sums / np.sqrt(accumulator[unique])


def skip_gram_step(embeddings, weights, biases, inputs, labels, values, update, **options):
    """Train on pairs (inputs [B], labels [B, T]); call `update(name, indices, rows)`; return the mean loss."""
    batch_size = labels.shape[0]
    share = np.full(batch_size, 1.0 / batch_size, weights.dtype)
    loss, indices, rows, entries, inputs_grad = sampled_loss_and_grad(
        weights, biases, labels, embeddings[inputs], values, loss_grad=share, **options
    )
    update("weights", indices, rows)
    update("biases", indices, entries)
    update("embeddings", inputs, inputs_grad)
    return loss.mean()
