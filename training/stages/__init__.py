"""The stages of the paper: ``h2l``, ``l2h`` and ``joint``; and ``minutes``, a stage ``l2h`` that ends at a given time."""
