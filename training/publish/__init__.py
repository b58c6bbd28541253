"""From a finished run to weights that can be published: scores, model card, shards."""
