"""One agent's connection to the service: when to connect, send heartbeats, rotate, and give up."""
