"""Reads the mailboxes of others: servers that may hang, lie or be somebody else."""
