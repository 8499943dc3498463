"""Where radio comes in: files, dongles and networks of IQ samples, as blocks with time and gaps."""
