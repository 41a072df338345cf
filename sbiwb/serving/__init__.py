"""Runs in a browser, read-only and on this machine alone: `serve`."""

from sbiwb.serving.server import serve

__all__ = ["serve"]
