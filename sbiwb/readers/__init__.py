"""Draws that other programs left on disk; one format a file."""
