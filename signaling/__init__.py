"""From a browser to a room: sockets, messages and media legs."""
