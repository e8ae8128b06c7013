"""`python -m ludex`: the `ludex` command."""

import sys

from ludex.cli import main

sys.exit(main())
