"""RDS as received: symbols, blocks, groups, and what a station says of itself."""
