"""References of what should be heard: kept on disk, and recognised in what is heard."""
