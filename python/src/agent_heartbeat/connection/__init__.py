"""One agent's connection to the service: when to connect, beat, rotate, and give up."""
