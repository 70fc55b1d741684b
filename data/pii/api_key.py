"""Keys and tokens of services, known by their prefixes, JSON web tokens, and private key blocks."""

import re

from data.pii.detector import Detector

API_KEY = Detector(
    name="api_key",
    hint=("sk-", "AKIA", "ASIA", "gh", "glpat-", "AIza", "xox", "hf_", "eyJ", "PRIVATE KEY"),
    pattern=re.compile(
        r"""
        (?<![0-9A-Za-z_-])(?:
            sk-[A-Za-z0-9_-]{20,200}
          | A[KS]IA[0-9A-Z]{16}
          | gh[pousr]_[A-Za-z0-9]{36,255} | github_pat_[A-Za-z0-9_]{22,255} | glpat-[A-Za-z0-9_-]{20,64}
          | AIza[A-Za-z0-9_-]{35}
          | xox[abprs]-[A-Za-z0-9-]{10,250}
          | hf_[A-Za-z0-9]{30,64}
          | eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,2000}
        )(?![0-9A-Za-z_-])
        | -----BEGIN\ [A-Z ]{0,20}PRIVATE\ KEY-----[A-Za-z0-9+/=\s]{0,8000}-----END\ [A-Z ]{0,20}PRIVATE\ KEY-----
        """,
        re.VERBOSE,
    ),
)
