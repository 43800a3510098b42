"""What a shop is made of. Modules meet only at api and events."""
