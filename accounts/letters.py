"""How a mail looks: plain text, and HTML that is made of the same text; with headers that nobody can add to."""

import re
from email.header import Header
from email.utils import format_datetime, formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.encoding import punycode
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from accounts.models import OutgoingMail

MAX_NAME = 100
LONGEST_WORD = 75  # RFC 2047, section 2
# A link ends where white space or a quote does, and a full stop after it is the sentence's.
_LINK = re.compile(r"(https?://[^\s<>\"]*[^\s<>\"'.,:;!?)\]}])")
_EMPTY_LINES = re.compile(r"\n\s*\n")


def composed(mail: OutgoingMail) -> EmailMultiAlternatives:
    """The mail as it leaves. Raises ValueError when there is no way to write it down."""
    context = {
        "subject": mail.subject,
        "text": mail.text.strip(),
        "paragraphs": paragraphs(mail.text),
        "language": mail.language,
        "site": settings.BRANDING["TITLE"],
        "site_url": settings.SITE_URL,
    }
    with translation.override(mail.language):
        text, html = (render_to_string(f"mail/_layout.{kind}", context) for kind in ("txt", "html"))
    message = EmailMultiAlternatives(
        mail.subject,
        text.strip() + "\n",
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[to(mail)],
        reply_to=[address for address in (mail.reply_to or settings.EMAIL_REPLY_TO,) if address],
        headers={
            "Message-ID": message_id(mail),
            "Date": format_datetime(mail.created),
            "Content-Language": mail.language,
            "Auto-Submitted": "auto-generated",
        },
    )
    message.attach_alternative(html, "text/html")
    return message


def to(mail: OutgoingMail) -> str:
    """The recipient, with the name that the user goes by."""
    name = " ".join(mail.user.get_full_name().split())[:MAX_NAME] if mail.user else ""
    local, _, domain = mail.recipient.rpartition("@")
    address = f"{local}@{punycode(domain)}"
    if name.isascii():
        return formataddr((name, address))
    # formataddr makes one word of it, whose length mail servers may not like
    return f"{Header(name, 'utf-8', maxlinelen=LONGEST_WORD).encode(linesep='')} <{address}>"


def message_id(mail: OutgoingMail) -> str:
    """The same for every try, so that a second copy is known as one."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{mail.token}@{punycode(domain)}>"


def paragraphs(text: str) -> list[SafeString]:
    """The text's paragraphs in HTML: everything escaped, lines kept, links to be clicked."""
    return [_as_html(paragraph) for paragraph in _EMPTY_LINES.split(text.strip())]


def _as_html(paragraph: str) -> SafeString:
    pieces = [
        format_html('<a href="{}">{}</a>', piece, piece) if number % 2 else escape(piece)
        for number, piece in enumerate(_LINK.split(paragraph))
    ]
    return mark_safe("".join(pieces).replace("\n", "<br>\n"))  # noqa: S308  (every piece is escaped)
