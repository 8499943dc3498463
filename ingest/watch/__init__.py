"""What is wrong with what a station sends, by its carrier, its content and its schedule."""
