"""Live rooms: who is in, who may hear and see whom, and the relay of packets between them."""
