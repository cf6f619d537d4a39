"""What moto lacks or answers differently from AWS: one module for each service, each with `install(settings)`."""
