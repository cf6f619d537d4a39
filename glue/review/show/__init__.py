"""A review as text: terminal, Markdown, JSON, SARIF and one HTML page. Pure; nothing here judges anything."""
