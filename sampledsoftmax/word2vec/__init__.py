"""Word vectors from text: corpus -> token ids -> training -> vectors, plots, evaluation.

The packages in the order of their dependencies, each of which imports only earlier ones: `corpus`, `encoding`,
`vectors`, `plots`, `training`, `evaluation`; `vectors` and `plots` do not import the first two. `model` has
`Word2Vec`.
"""
