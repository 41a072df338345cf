"""One section of the report a file, each a function ``section(report) -> Section | None``."""
