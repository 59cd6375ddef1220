"""Episodes as HTML for notebooks and pages: escaped text, tokens coloured by their rewards or values.

Styles are inline, and colours are translucent, so a fragment is legible on light and on dark pages.
"""

from llm_envs.html.colours import COLOURS, STRONGEST, level_shades, signed_shades
from llm_envs.html.fragment import Html
from llm_envs.html.tokens import token_spans
from llm_envs.html.view import view

__all__ = ["COLOURS", "STRONGEST", "Html", "level_shades", "signed_shades", "token_spans", "view"]
