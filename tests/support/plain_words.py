"""Words that a reader whose English is poor does not know: nothing here is written with them."""

RARE_WORDS = (
    "anew",
    "forthwith",
    "hitherto",
    "nil",
    "of no avail",
    "thereof",
    "whatsoever",
    "whence",
    "wherefore",
    "whoever",
    "whomever",
)
