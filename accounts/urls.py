"""Pages about people and how they see the site. The names and paths are the predecessor's."""

from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.generic import RedirectView

from accounts.views import email, keys, profile, registering, resetting, second_factor, shell, signing_in

urlpatterns = [
    path("user/login/", signing_in.SignIn.as_view(), name="login"),
    path("user/logout/", LogoutView.as_view(), name="logout"),
    path("user/session/", signing_in.session_state, name="session"),
    path("user/session/extend/", signing_in.session_extend, name="session-extend"),
    path("accounts/password/reset/", resetting.PasswordReset.as_view(), name="password_reset"),
    path("accounts/password_reset/done/", resetting.PasswordResetDone.as_view(), name="password_reset_done"),
    path("accounts/reset/<uidb64>/<token>/", resetting.PasswordResetConfirm.as_view(), name="password_reset_confirm"),
    path("accounts/reset/done/", resetting.PasswordResetComplete.as_view(), name="password_reset_complete"),
    # Addresses of ganetimgr 2.x that stand in old mails and bookmarks
    path(
        "accounts/password/reset/confirm/<uidb64>/<token>/",
        resetting.PasswordResetConfirm.as_view(),
        name="auth_password_reset_confirm",
    ),
    path("accounts/login/", RedirectView.as_view(pattern_name="login", query_string=True), name="auth_login"),
    path("accounts/logout/", RedirectView.as_view(url="/"), name="auth_logout"),
    path("accounts/password/change/", RedirectView.as_view(pattern_name="pass_change"), name="auth_password_change"),
    path("user/profile/", profile.profile, name="profile"),
    path("user/name_change/", profile.name_change, name="name-change"),
    path("user/other_change/", profile.other_change, name="other-change"),
    path("user/preferences/", profile.change_preferences, name="preferences"),
    path("user/mail_change/", email.mail_change, name="mail-change"),
    path("user/mail_change/cancel/", email.cancel, name="mail-change-cancel"),
    path("user/mail_change/confirm/<str:key>/", email.confirm, name="mail-change-confirm"),
    path("user/keys/", keys.user_keys, name="user-keys"),
    path("user/keys/delete/<int:key_id>", keys.delete_key, name="delete-key"),
    path("user/pass_change/notify/", profile.sign_out_elsewhere, name="pass_change_notify"),
    path("user/pass_change/", signing_in.PasswordChange.as_view(), name="pass_change"),
    path("user/pass_change/done/", signing_in.PasswordChangeDone.as_view(), name="pass_change_done"),
    path("accounts/register/", registering.register, name="registration_register"),
    path("accounts/register/complete/", registering.complete, name="registration_complete"),
    path("accounts/register/closed/", registering.closed, name="registration_disallowed"),
    path("accounts/activate/complete/", registering.activation_complete, name="registration_activation_complete"),
    path("accounts/activate/resend/", registering.resend, name="registration_resend_activation"),
    path("accounts/activate/<str:activation_key>/", registering.activate, name="registration_activate"),
    path("accounts/approve/complete/", registering.approve_complete, name="registration_approve_complete"),
    path("accounts/approve/<int:profile_id>/", registering.approve, name="registration_admin_approve"),
    path("accounts/waiting/", registering.waiting, name="registration-waiting"),
    path("user/second_factor/", second_factor.state, name="second-factor"),
    path("user/second_factor/on/", second_factor.turn_on, name="second-factor-on"),
    path("user/second_factor/off/", second_factor.turn_off, name="second-factor-off"),
    path("user/second_factor/codes/", second_factor.recovery_codes, name="second-factor-codes"),
    path("user/second_factor/code/", second_factor.code, name="second-factor-code"),
    path("theme/", shell.theme, name="theme"),
    path("patterns/", shell.patterns, name="patterns"),
]
