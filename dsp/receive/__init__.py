"""What a receiver does with the channels of a capture: demodulate, decode, measure."""
