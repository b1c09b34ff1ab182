"""The machine room: the few places that speak the processor's language, each with a plain stand-in."""
