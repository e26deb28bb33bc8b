"""What can be chosen by name: estimators of depth, renderers that ship.

Leaves: lists of names; in a worker, since the networks' cards need PyTorch.
"""


def choosable_names() -> dict[str, list[str]]:
    """By option: the estimators, and the networks whose weights ship."""
    from cocnet.depth.estimators.order import AUTO, list_estimators
    from cocnet.networks import list_models
    from cocnet.networks.zoo.checkpoint import shipped_weights

    ship = [card.name for card in list_models() if card.task == "bokeh" and shipped_weights(card.name)]
    return {"estimator": [AUTO, *list_estimators()], "model": ship}
