"""Small servers that answer a request with its own body: what is left is the server's own time."""
