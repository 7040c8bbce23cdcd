"""Makes the sentences and trains the weights by which intake understands texts."""
