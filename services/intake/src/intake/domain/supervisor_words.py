"""Words by which customers ask for a supervisor, in English, German, Spanish and French."""

import re


def asks_for_supervisor(text: str) -> bool:
    """Tell whether the text asks for a supervisor; a missed request is worse than a false one."""
    return any(pattern.search(text) for pattern in _REQUESTS)


_SUPERVISOR = {
    "en": r"supervisor|manager|team\s*lead(er)?|your\s+(boss|superior)"
    r"|someone\s+(higher|senior|in\s+charge)",
    "de": r"vorgesetzte[rn]?|teamleiter(in)?|filialleiter(in)?|ihre[nm]?\s+chef",
    "es": r"supervisor[a]?|gerente|encargad[oa]|su\s+(jefe|jefa|superior)",
    "fr": r"superviseur[e]?|responsable|votre\s+(chef|supérieur|manager)",
}
_WISH = {
    "en": r"(speak|talk|get|put|want|like|need|let|escalat|connect|transfer|where|call|pass)",
    "de": r"(sprech|reden|möchte|will|verlang|verbind|geben|holen)",
    "es": r"(hablar|quiero|quisiera|necesito|p[aá]s[ae]|comuni|exijo)",
    "fr": r"(parler|veux|voudrais|souhaite|passe|exige|besoin)",
}
_REQUESTS = tuple(
    re.compile(rf"\b{_WISH[language]}\w*\b.{{0,60}}\b({supervisor})\b", re.IGNORECASE | re.DOTALL)
    for language, supervisor in _SUPERVISOR.items()
)
