"""The bench of recognition: corpus, index filler, trials, peers, speed, false alarms."""
