"""Workers that run beside the HTTP API and the consumer."""
