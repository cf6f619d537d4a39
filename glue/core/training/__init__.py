"""The training queue's rules, used by its functions and by the command: documents, records, sharing, retries.

Pure: no clock, no randomness, no AWS. Times are epoch milliseconds in UTC unless a name says seconds.
"""
