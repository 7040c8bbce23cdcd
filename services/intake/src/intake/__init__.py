"""Receives contacts from every channel; an accepted contact is not lost."""
