"""The console in front of many open escalations: in a browser, and with many open boards."""
