"""What is measured of a station: one figure, or one finding, per file."""
