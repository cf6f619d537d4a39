"""The identity providers that pipelines log in with, played by the sandbox.

`python -m sandbox token` prints what a pipeline's job would get.
`issuers` knows what each one's tokens say, `keys` holds their keys, `tokens` signs and verifies.
"""
