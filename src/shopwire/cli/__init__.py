"""The `shopwire` command."""
