"""The ranker: orders the documents found for a query by how likely they are what the user wants."""
