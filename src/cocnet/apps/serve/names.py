"""What can be chosen by name: estimators of depth, networks that ship, renderers to compare.

Leaves: lists of names; in a worker, since the networks' cards need PyTorch.
"""


def choosable_names() -> dict[str, list[str]]:
    """By option: the estimators, the networks whose weights ship; renderer: all that a comparison shows."""
    from cocnet.depth.estimators.order import AUTO, list_estimators
    from cocnet.networks import list_models
    from cocnet.networks.zoo.checkpoint import shipped_weights
    from cocnet.pipeline.compare import comparable_renderers

    ship = [card.name for card in list_models() if card.task == "bokeh" and shipped_weights(card.name)]
    return {"estimator": [AUTO, *list_estimators()], "model": ship, "renderer": list(comparable_renderers())}
