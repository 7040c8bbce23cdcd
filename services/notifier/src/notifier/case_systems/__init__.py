"""Helpdesks and CRMs that are told about escalations of their cases."""
