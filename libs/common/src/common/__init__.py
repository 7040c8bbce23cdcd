"""What two or more services use; only `contracts` knows the words of escalation."""
