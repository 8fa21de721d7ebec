"""The media bench: what relaying and recording cost, against Janus, against the floor, against aiortc's own relay."""
