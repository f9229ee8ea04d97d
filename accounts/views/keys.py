"""One's own SSH keys."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts import sshkeys
from accounts.forms.profile import KeysForm, told
from accounts.views.profile import done, page_with_form, shown, to_section


@sensitive_post_parameters("text")
@login_required
@never_cache
@page_with_form
def user_keys(request: HttpRequest) -> HttpResponse:
    """Adds the keys of a paste that are good; what is not comes back in the form, with the reasons."""
    if request.method != "POST":
        return to_section("keys")
    form = KeysForm(request, request.POST, request.FILES)
    if not form.is_valid():
        return shown(request, form)
    found = sshkeys.parse(form.cleaned_data["text"])
    if not found.keys and not found.refusals:
        return shown(request, KeysForm.with_refusals(request, found.rest, [_("There is no key in it, only remarks.")]))
    try:
        added, known = sshkeys.add(request, found.keys)
    except sshkeys.TooMany as too_many:
        text = sshkeys.without_secrets(form.cleaned_data["text"])
        return shown(request, KeysForm.with_refusals(request, text, [str(too_many)]))
    sentence = _what_happened(added, known)
    if not found.refusals:
        return done(request, "keys", sentence)
    if sentence:
        messages.success(request, sentence)
    return shown(request, KeysForm.with_refusals(request, found.rest, _reasons(found)))


@login_required
@require_POST
def delete_key(request: HttpRequest, key_id: int) -> HttpResponse:
    key = sshkeys.remove(request, key_id)
    if key is None:
        raise Http404
    return done(request, "keys", _("The key %(name)s is gone.") % {"name": key.comment or key.fingerprint})


def _what_happened(added: list[sshkeys.Key], known: list[str]) -> str:
    """What became of the good ones; empty where there were none."""
    sentences = []
    if added:
        sentences.append(ngettext("%(n)s key is added.", "%(n)s keys are added.", len(added)) % {"n": len(added)})
    if known:
        names = ", ".join(known)
        sentences.append(
            ngettext("You had this key already: %(names)s.", "You had these keys already: %(names)s.", len(known))
            % {"names": names}
        )
    return " ".join(sentences)


def _reasons(found: sshkeys.Parsed) -> list[str]:
    """Why lines were refused; by the numbers that they have in the form now, but for secrets, which it lost."""
    secrets = [each for each in found.refusals if each.is_secret]
    return told(secrets) + told(sshkeys.parse(found.rest).refusals)
