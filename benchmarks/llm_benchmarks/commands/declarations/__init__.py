"""One file for each subcommand: `command` declares its arguments and its help.

These files import nothing heavy, so that help and usage errors are quick: heavy imports stand inside
`command`.
"""
