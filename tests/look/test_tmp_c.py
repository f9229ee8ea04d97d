import pytest, os
from django.contrib.auth.models import User
from accounts.models import *
from tests.look.test_browser import session_of
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
OUT="/tmp/cshots"
@pytest.mark.parametrize("width,theme", [(1280,"light"),(360,"light"),(1280,"dark"),(360,"dark")])
def test_shots(open_page, width, theme):
    c = session_of("alice")
    u = User.objects.get()
    u.set_password("a long pass phrase"); u.email="alice@example.org"; u.first_name="Alice"; u.last_name="Liddell"; u.save()
    from django.test import Client
    cl=Client(); cl.force_login(u); c={"sessionid": cl.cookies["sessionid"].value}
    Organization.objects.create(title="Department of Physics")
    from accounts import sshkeys
    import subprocess, tempfile
    for t in ("ed25519","rsa"):
        d=tempfile.mkdtemp(); subprocess.run(["ssh-keygen","-q","-t",t,"-N","","-C",f"alice@laptop-{t}","-f",d+"/k"],check=True)
        k=sshkeys.parse(open(d+"/k.pub").read()).keys[0]
        import dataclasses; SshPublicKey.objects.create(owner=u, **dataclasses.asdict(k))
    EmailChange.objects.create(user=u,email="alice@new.example.org")
    page = open_page("/user/profile/", width=width, theme=theme, cookies=c)
    page.screenshot(path=f"{OUT}/profile-{width}-{theme}.png", full_page=True)
    if theme=="light":
        page.fill("[name=text]","ssh-dss AAAA bob\nfrom=\"10.0.0.1\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI x\n-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----")
        page.click("#keys .panel-body button[type=submit]")
        page.wait_for_selector("#keys-text.is-invalid")
        page.screenshot(path=f"{OUT}/keys-{width}.png", full_page=True)
        print(page.evaluate("document.activeElement.id"))
        key=EmailChange.objects.get().key
        page.goto(page.url.split("/user")[0]+f"/user/mail_change/confirm/{key}/")
        page.screenshot(path=f"{OUT}/confirm-{width}.png", full_page=True)
