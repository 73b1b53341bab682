"""A task behind HTTP. Only `app` knows the web libraries, and only importing it asks for them."""
