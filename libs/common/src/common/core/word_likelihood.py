"""Whether a text is more likely to be words than to be random."""

from typing import Final

# For each pair of letters, how many times as often English texts have it as random ones: as a power
# of two, plus 5. A row is for the first letter, from a to z, a column for the second. Counted over
# the documents of this repository and of Python's standard library. Rounded so that in each row
# the mean of the ratios is below 1.
_RATIOS: Final = (
    "05650350503757040667432140",
    "60427001560710620542600070",
    "60317006505600710437500020",
    "62358030700421610562510040",
    "51664430300547243776143530",
    "60216500703400800625600030",
    "61108036600526520663610001",
    "70009000600010600314200010",
    "44654540001557630477040202",
    "50109000202000610060700000",
    "61028030600405330061303000",
    "62158400700601620155521050",
    "75038000600251660052500010",
    "61577360403313620067430040",
    "24552630203457350756645200",
    "70127112500700650746520050",
    "20010000000602000320900000",
    "61448240604245620565442050",
    "50508115603322651067503040",
    "60317108700310620554503040",
    "45446230400667250767200000",
    "70009000700000400010000000",
    "70006008700305600540001000",
    "61726202600220260218000341",
    "23335120600445770577004022",
    "60309202700142600102000021",
)
_ZERO: Final = 5
_HEX: Final = frozenset("0123456789abcdef-")


def word_bits(text: str) -> int:
    """Return the binary logarithm of how much more likely the text is as words than as random.

    Over random letters, in any case and between any other characters, the mean of that ratio is
    below 1: by Markov's inequality, a random text reaches `n` bits with a probability of 2**-n at
    most. Of hexadecimal digits, whose few letters are not as in words, it says nothing.
    """
    lowered = text.lower()
    if _HEX.issuperset(lowered):
        return 0
    return sum(map(_bits, lowered, lowered[1:]))


def _bits(first: str, second: str) -> int:
    if not ("a" <= first <= "z" and "a" <= second <= "z"):
        return 0
    return int(_RATIOS[ord(first) - ord("a")][ord(second) - ord("a")]) - _ZERO
