"""Ways a session's frames reach a client: picows WebSocket, ASGI WebSocket, event stream."""
