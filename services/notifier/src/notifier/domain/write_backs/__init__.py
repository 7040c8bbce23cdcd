"""Write-backs: what helpdesks and CRMs are told about the escalations of their cases."""
