"""Build of the manual (`make docs`): it shows what is installed, and needs no network."""

import sys
from pathlib import Path

from deepmir_bids import __version__

sys.path.insert(0, str(Path(__file__).parent / '_ext'))

project = 'deepmir'
author = 'The deepmir developers'
html_title = f'deepmir {__version__}'

extensions = ['myst_parser', 'deepmir_manual']
exclude_patterns = ['_build']
myst_heading_anchors = 3
# "--labels" has to stay what can be copied into a terminal.
smartquotes = False

html_theme = 'furo'
html_static_path = ['_static']
html_css_files = ['manual.css']
html_copy_source = False
html_show_copyright = False
# A line of a command's help fits.
html_theme_options = {'light_css_variables': {'code-font-size': 'var(--font-size--small--2)'}}
