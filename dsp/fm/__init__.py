"""What FM broadcasting is: the constants and profiles that coder and receiver share."""
