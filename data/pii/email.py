"""E-mail addresses."""

import re

from data.pii.detector import Detector

EMAIL = Detector(
    name="email",
    hint=("@",),
    pattern=re.compile(
        r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_%+-][A-Za-z0-9._%+-]{0,63}"
        r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9])"
    ),
)
