"""Servers that tests run against, over real sockets."""
