"""The texts that come with the package: poems, scripts, code and openings, in corpora/."""
