"""The stages of the paper, ``h2l``, ``l2h`` and ``joint``; ``minutes`` is the stage ``l2h`` that ends by the clock."""
