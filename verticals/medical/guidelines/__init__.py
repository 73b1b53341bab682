"""Published guidelines and risk models for pulmonary nodules: tables that name their rows and cite their source."""
