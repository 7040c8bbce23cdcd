"""What Web Push needs of the operator: the key, and which push services may be called."""
