"""What runs beside the HTTP API and the consumer."""
