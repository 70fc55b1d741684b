"""Keys and tokens of services, known by the prefixes that their makers document, and JSON web tokens (RFC 7519)."""

import re

from data.pii.detector import Detector
from data.pii.trace import Trace

API_KEY = Detector(
    name="api_key",
    traces=(Trace.LONG_WORD,),
    pattern=re.compile(
        r"""
        (?<![0-9A-Za-z_-])(?P<value>
            A(?:KIA|SIA|BIA|CCA)[0-9A-Z]{16}
          | gh[pousr]_[A-Za-z0-9]{36,255} | github_pat_[A-Za-z0-9_]{22,255} | gl(?:pat|ptt|dt|rt)-[A-Za-z0-9_-]{20,64}
          | AIza[A-Za-z0-9_-]{35} | GOCSPX-[A-Za-z0-9_-]{28} | ya29\.[A-Za-z0-9_-]{20,500}
          | xox[abeprs]-[A-Za-z0-9-]{10,250} | xapp-[0-9]-[A-Za-z0-9-]{20,250}
          | hooks\.slack\.com/services/T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{20,32}
          | sk-[A-Za-z0-9_-]{20,200} | [rs]k_(?:live|test)_[A-Za-z0-9]{16,250}
          | SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}
          | (?:hf|npm|gsk|r8)_[A-Za-z0-9]{30,64} | pypi-[A-Za-z0-9_-]{40,250} | dop_v1_[0-9a-f]{64}
          | shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32} | LTAI[A-Za-z0-9]{12,24} | AKID[A-Za-z0-9]{32}
          | [0-9]{8,10}:AA[A-Za-z0-9_-]{33}
          | eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,2000}
        )(?![0-9A-Za-z_-])
        """,
        re.VERBOSE,
    ),
)
