"""What the two HTTP processes of a host share: request bodies, events, rate limits, the server itself."""
