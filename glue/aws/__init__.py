"""Narrow, typed facades: one for each AWS service, with only the calls that are used."""
