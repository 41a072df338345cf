"""Methods on tasks whose posterior is known: how close each comes, and what it costs."""

from sbiwb.benchmarking.running import bench as bench
