"""What customers of the simulated centre write, and what they are answered."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Matter:
    """`question` is what the representative asks back, `answer` what the customer says to it."""

    topic: str
    language: str
    subject: str
    text: str
    reply: str
    question: str
    answer: str
    root_cause: str


MATTERS: Final = (
    Matter(
        "delivery",
        "en",
        "Parcel marked as delivered, but it is not here",
        "The tracking page says that my parcel was left with a neighbour. Nobody here has it.",
        "I am sorry. I have asked the carrier for the driver's note and will look into it today.",
        "Which of your neighbours might have taken it?",
        "I have asked on both floors. Nobody has it.",
        "carrier-error",
    ),
    Matter(
        "delivery",
        "en",
        "Change the delivery address",
        "I ordered this morning and forgot that I moved last week. Can you change the address?",
        "I have changed the address. You will get a new confirmation in a minute.",
        "What is the postcode of your new address?",
        "It is 28004, same name on the door.",
        "address-changed",
    ),
    Matter(
        "delivery",
        "de",
        "Lieferung seit fünf Tagen überfällig",
        "Meine Bestellung sollte am Montag kommen. Seitdem steht sie auf „In Zustellung“.",
        "Das tut mir leid. Ich habe beim Zusteller nachgefragt und melde mich heute noch.",
        "An welchem Tag sind Sie sicher zu Hause?",
        "Morgen ab 16 Uhr.",
        "carrier-error",
    ),
    Matter(
        "delivery",
        "fr",
        "Colis abîmé à la livraison",
        "Le carton était ouvert et il manque deux articles.",
        "Je suis désolée. Nous renvoyons les deux articles dès aujourd'hui.",
        "Pouvez-vous m'envoyer une photo du carton ?",
        "Oui, la voici en pièce jointe.",
        "damaged-in-transit",
    ),
    Matter(
        "payment",
        "en",
        "Charged twice for one order",
        "My bank shows two charges for the same order. Please return one of them.",
        "You are right, there are two charges. I have started the refund of the second one.",
        "What are the last four digits of the card?",
        "They are 4471.",
        "double-booking",
    ),
    Matter(
        "payment",
        "en",
        "Voucher is not accepted",
        "The voucher from your newsletter gives an error at the checkout.",
        "The voucher had a wrong end date. I have taken it off the price of your order.",
        "Which code did you enter?",
        "SPRING-20, as in the mail.",
        "voucher-error",
    ),
    Matter(
        "payment",
        "es",
        "No recibo la factura",
        "Necesito la factura del pedido para mi empresa y no llega.",
        "Se la acabo de enviar otra vez; debería llegar en unos minutos.",
        "¿A qué dirección de correo la enviamos?",
        "Mi correo es contabilidad@example.com, gracias.",
        "invoice-missing",
    ),
    Matter(
        "payment",
        "de",
        "Lastschrift trotz Stornierung",
        "Ich habe storniert, und trotzdem wurde der Betrag abgebucht.",
        "Die Stornierung lag uns vor. Der Betrag ist in zwei Werktagen zurück.",
        "Wann haben Sie storniert?",
        "Am Dienstag, gegen Mittag.",
        "double-booking",
    ),
    Matter(
        "warranty",
        "en",
        "Blender stopped working after six weeks",
        "It makes no sound any more. I would like a repair or a new one.",
        "That is covered. I am sending you a label to return it; a new one leaves tomorrow.",
        "Which number is printed under the base?",
        "It says B-2210.",
        "defect",
    ),
    Matter(
        "warranty",
        "de",
        "Ersatzteil passt nicht",
        "Der zugeschickte Deckel ist für ein anderes Modell.",
        "Entschuldigung, das war unser Fehler. Der richtige Deckel geht heute raus.",
        "Welche Modellnummer steht auf dem Gerät?",
        "B-2210, Baujahr 2025.",
        "wrong-item",
    ),
    Matter(
        "warranty",
        "fr",
        "Garantie refusée en magasin",
        "Le magasin refuse l'échange alors que l'appareil a trois mois.",
        "L'échange est bien couvert. Je préviens le magasin tout de suite.",
        "Dans quel magasin étiez-vous ?",
        "Celui de la gare de Lyon.",
        "policy-unclear",
    ),
    Matter(
        "warranty",
        "es",
        "La batería se calienta demasiado",
        "Después de diez minutos no se puede tocar. ¿Es normal?",
        "No lo es. Deje de usarla; le enviamos una nueva hoy.",
        "¿Qué número de serie tiene?",
        "Termina en 9083.",
        "defect",
    ),
    Matter(
        "account",
        "en",
        "Locked out of my account",
        "The code by text message never arrives, so I cannot sign in.",
        "I have reset the second step. Please sign in once more and add your number again.",
        "Has your telephone number changed?",
        "Yes, since last month.",
        "sign-in",
    ),
    Matter(
        "account",
        "fr",
        "Supprimer mon compte",
        "Je souhaite supprimer mon compte et mes données.",
        "C'est fait ; vous recevrez une confirmation par e-mail.",
        "Souhaitez-vous d'abord une copie de vos données ?",
        "Non merci.",
        "privacy",
    ),
    Matter(
        "account",
        "es",
        "Cambiar el correo de mi cuenta",
        "Ya no tengo acceso al correo antiguo.",
        "Lo he cambiado. Compruebe el mensaje en su nuevo correo.",
        "¿Cuál es su nuevo correo?",
        "lucia@example.com",
        "sign-in",
    ),
)
TOPICS: Final = tuple(sorted({matter.topic for matter in MATTERS}))
# Intake reads in these that the customer wants a supervisor.
SUPERVISOR_REQUESTS: Final = {
    "en": "This does not help me. I want to speak to your manager.",
    "de": "Das hilft mir nicht. Ich möchte mit Ihrem Vorgesetzten sprechen.",
    "es": "Esto no me ayuda. Quiero hablar con un supervisor.",
    "fr": "Cela ne m'aide pas. Je veux parler à un responsable.",
}
CUSTOMERS: Final = (
    "Ada Lovelace",
    "Ben Okafor",
    "Carla Ruiz",
    "Dieter Braun",
    "Elif Kaya",
    "François Petit",
    "Grace Liu",
    "Hugo Almeida",
    "Ingrid Holm",
    "Joana Pires",
    "Kofi Mensah",
    "Lucía Gómez",
    "Marta Nowak",
    "Nils Berg",
    "Olga Sokolova",
    "Paul Weber",
    "Rosa Conti",
    "Sven Larsen",
    "Théa Martin",
    "Wei Zhang",
)
COMMENTS: Final = {
    1: "I had to explain everything three times.",
    2: "It took far too long.",
    3: "Fine in the end.",
    4: "Friendly and clear.",
    5: "Solved at once, thank you!",
}
REASONS_TO_DECLINE: Final = (
    "I know this customer privately.",
    "I am still on the telephone.",
    "This needs somebody from the other team.",
)
REASONS_TO_REFER: Final = (
    "The customer threatens legal action; above my limit.",
    "Third complaint about the same order, very angry.",
    "Wants a credit above my limit.",
)
GUIDANCE: Final = (
    "Offer free shipping on the next order; no refund.",
    "Call back today and apologise; then close it.",
    "Send the replacement first, ask for the return later.",
)
REASONS_TO_BE_AWAY: Final = ("lunch", "break", "training", "team meeting")
