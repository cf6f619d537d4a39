"""What a call asks for (`rules`, `requests`), who allows it (`world`), the verdict (`enforce`)."""
