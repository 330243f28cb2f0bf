"""Every figure that is claimed comes from here."""
