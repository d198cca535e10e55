"""The media core: transport, forwarding and repair. Knows nothing of HTTP, customers or agents."""
