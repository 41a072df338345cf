"""Recipes run as stages, each done once: what is there and unchanged is not made again."""

from sbiwb.pipeline.running import run

__all__ = ["run"]
