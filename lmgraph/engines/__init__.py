"""Where the table stages run: on this machine now."""
