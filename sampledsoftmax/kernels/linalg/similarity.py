"""How a row of inputs and a row of weights become a number: a class for each way, chosen when a step is compiled.

Inputs are packed as x / temperature or x / |x| / temperature, rows of weights as they are or as w / |w|: the products
need to know nothing of it. Gradients come out with respect to packed rows, and are turned into those of the rows
themselves once per row. For dot products all of this compiles to nothing.
"""

from typing import NamedTuple

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.dispatch import dispatch
from sampledsoftmax.kernels.linalg.normalize import inverse_norm, project_row
from sampledsoftmax.kernels.linalg.packing import scale_row


class DotProduct(NamedTuple):
    """x . w."""


class ScaledDotProduct(NamedTuple):
    """x . w * inverse_temperature."""

    inverse_temperature: float


class Cosine(NamedTuple):
    """(x / |x|) . (w / |w|) * inverse_temperature; a row of zeros has cosine 0 with every row."""

    inverse_temperature: float


@dispatch
def by_input(similarity, number, table, row):
    """Return a number times the factor with which a row of inputs is packed."""


@by_input.default
@jit
def _input_as_it_is(similarity, number, table, row):
    return number


@by_input.register(ScaledDotProduct)
@jit
def _by_temperature(similarity, number, table, row):
    return number * table.dtype.type(similarity.inverse_temperature)


@by_input.register(Cosine)
@jit
def _by_temperature_and_norm(similarity, number, table, row):
    return number * (inverse_norm(table, row) * table.dtype.type(similarity.inverse_temperature))


@dispatch
def by_class(similarity, number, table, row):
    """Return a number times the factor with which a row of weights is packed."""


@by_class.default
@jit
def _class_as_it_is(similarity, number, table, row):
    return number


@by_class.register(Cosine)
@jit
def _by_norm(similarity, number, table, row):
    return number * inverse_norm(table, row)


@dispatch
def scale_inputs(similarity, table, ids, top, rows, panels):
    """Scale rows top .. top + rows of the panels, which hold rows table[ids[top:]] of the inputs."""


@scale_inputs.default
@jit
def _keep_inputs(similarity, table, ids, top, rows, panels):
    pass


@scale_inputs.register(ScaledDotProduct, Cosine)
@jit
def _scale_inputs(similarity, table, ids, top, rows, panels):
    for i in range(top, min(top + rows, ids.size)):
        scale_row(panels, i, by_input(similarity, table.dtype.type(1), table, ids[i]))


@dispatch
def scale_classes(similarity, table, ids, top, rows, panels):
    """Scale rows top .. top + rows of the panels, which hold rows table[ids[top:]] of the weights."""


@scale_classes.default
@jit
def _keep_classes(similarity, table, ids, top, rows, panels):
    pass


@scale_classes.register(Cosine)
@jit
def _scale_classes(similarity, table, ids, top, rows, panels):
    for i in range(top, min(top + rows, ids.size)):
        scale_row(panels, i, inverse_norm(table, ids[i]))


@dispatch
def input_gradient(similarity, gradient, g, table, row):
    """Turn row g, the gradient with respect to a packed row of inputs, into that of the row of the table, in place."""


@input_gradient.default
@jit
def _same_input_gradient(similarity, gradient, g, table, row):
    pass


@input_gradient.register(ScaledDotProduct)
@jit
def _scaled_input_gradient(similarity, gradient, g, table, row):
    factor = gradient.dtype.type(similarity.inverse_temperature)
    for d in range(gradient.shape[1]):
        gradient[g, d] *= factor


@input_gradient.register(Cosine)
@jit
def _projected_input_gradient(similarity, gradient, g, table, row):
    _scaled_input_gradient(similarity, gradient, g, table, row)
    project_row(gradient, g, table, row, inverse_norm(table, row))


@dispatch
def class_gradient(similarity, gradient, g, table, row):
    """Turn row g, the gradient with respect to a packed row of weights, into that of the row of the table, in place."""


@class_gradient.default
@jit
def _same_class_gradient(similarity, gradient, g, table, row):
    pass


@class_gradient.register(Cosine)
@jit
def _projected_class_gradient(similarity, gradient, g, table, row):
    project_row(gradient, g, table, row, inverse_norm(table, row))
