"""What of a mail is the customer's own: not quotations, signatures and lines of mail programs."""

import pytest

from intake.domain.understanding.own_words import own_words
from intake.domain.understanding.supervisor_request import asks_for_supervisor


@pytest.mark.parametrize(
    "quoted",
    [
        "On Mon, 3 Mar 2026 at 10:11, Sam Poe <sam@example.org> wrote:\nGet me your manager",
        "Am 3. März 2026 um 10:11 schrieb Sam Poe <sam@example.org>:\nIch will Ihren Chef",
        "El lun, 3 mar 2026 a las 10:11, Sam (<sam@example.org>) escribió:\nQuiero a su jefe",
        "Le lun. 3 mars 2026 à 10:11, Sam <sam@example.org> a écrit :\nJe veux votre chef",
        "Em seg., 3 de mar. de 2026, Sam <sam@example.org> escreveu:\nQuero o seu chefe",
        "Il giorno lun 3 mar 2026 Sam <sam@example.org> ha scritto:\nVoglio il suo capo",
        "From: Sam\nSent: Monday\nI want your manager",
        "Von: Sam\nGesendet: Montag\nIch will Ihren Chef",
        "De: Sam\nEnviado: lunes\nQuiero a su jefe",
        "De : Sam\nEnvoyé : lundi\nJe veux votre chef",
        "De: Sam\nEnviado: segunda-feira\nQuero o seu chefe",
        "Da: Sam\nInviato: lunedì\nVoglio il suo capo",
        "-----Original Message-----\nI want your manager",
        "-----Ursprüngliche Nachricht-----\nIch will Ihren Chef",
        "-----Mensaje original-----\nQuiero a su jefe",
        "-----Message d'origine-----\nJe veux votre chef",
        "-----Mensagem original-----\nQuero o seu chefe",
        "-----Messaggio originale-----\nVoglio il suo capo",
        "> I want your manager",
    ],
)
def test_quotation_is_cut(quoted: str) -> None:
    assert own_words(f"All is well.\n\n{quoted}\n").strip() == "All is well."


@pytest.mark.parametrize(
    "signature",
    [
        "Kind regards,\nPaula Grant\nManager",
        "Mit freundlichen Grüßen\nPaula Grund\nLeiterin",
        "Un saludo,\nPaula Gil\nGerente",
        "Cordialement,\nPaule Grand\nDirectrice",
        "Atenciosamente,\nPaula Gil\nGerente",
        "Cordiali saluti,\nPaola Grandi\nDirettrice",
        "-- \nPaula Grant\nManager",
    ],
)
def test_signature_is_cut_and_a_postscript_is_kept(signature: str) -> None:
    assert own_words(f"All is well.\n{signature}").strip() == "All is well."
    kept = own_words(f"All is well.\n{signature}\nPS: I want your manager.")
    assert kept.endswith("PS: I want your manager.")
    assert "Pau" not in kept


@pytest.mark.parametrize(
    "signature",
    [
        "Best regards, Tim Walsh, Customer Service Manager, Walsh & Sons",
        "Thanks, Maria Lopez, Marketing Director",
        "Mit freundlichen Grüßen, Petra Lang, Leiterin Kundenservice",
        "Atentamente, Luis Peña, Jefe de Compras",
        "Cordialement, Julie Morel, Responsable Achats",
        "Atenciosamente, Marta Dias, Gerente de Compras",
        "Cordiali saluti, Paola Neri, Responsabile Acquisti",
    ],
)
def test_signature_in_one_line_is_cut(signature: str) -> None:
    assert own_words(signature) == ""
    assert own_words(f"All is well. {signature}").strip() == "All is well."


@pytest.mark.parametrize(
    "text",
    [
        "Thanks, Maria, I want your manager.",
        "Regards, but I want your manager",
        "Saludos, quiero hablar con su jefe",
        "Danke, aber ich will Ihren Chef sprechen",
        "Saludos,\nquiero hablar con su jefe",
    ],
)
def test_request_beside_a_formula_is_the_customers_own(text: str) -> None:
    assert asks_for_supervisor(text)


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone",
        "Get Outlook for Android",
        "Von meinem iPhone gesendet",
        "Gesendet von meinem Mobiltelefon",
        "Enviado desde mi iPhone",
        "Envoyé de mon iPhone",
        "Envoyé depuis mon mobile",
        "Enviado do meu iPhone",
        "Inviato da iPhone",
    ],
)
@pytest.mark.parametrize("before", ["All is well.\n\n", "All is well. "])
def test_line_of_a_device_is_cut(before: str, line: str) -> None:
    assert own_words(before + line).strip() == "All is well."


def test_forwarded_text_alone_is_read() -> None:
    forwarded = "On Monday, Sam Poe wrote:\nI want your manager"
    assert own_words(forwarded) == forwarded
