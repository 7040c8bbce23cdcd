"""Systems whose cases intake reads, if a delivery leaves out what a case is about."""
