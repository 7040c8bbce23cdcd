"""Who gets which contact, decided with no I/O and no clock."""
