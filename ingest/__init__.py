"""What comes in: bulletins and audio files, and later the radio band."""
