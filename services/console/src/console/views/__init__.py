"""From the answers of the services to what a template shows, without I/O."""
