"""One self-contained HTML file that puts results before a reader."""
