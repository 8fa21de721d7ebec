"""The use cases of people, in one place for the layers above.

Each takes the database session first, raises the errors its own docstring names, and never commits.
"""

from people.accounts import add_minor, create_relative, register, set_elder, set_language, set_password
from people.codes import CodeAsked, RegisterTicket, ask_code, redeem_code, sign_in_password
from people.forms import ApplicationForm, InmateForm, MinorForm, RegistrationForm, StaffForm
from people.inmates import create_inmate, move_inmate
from people.means import Caller, Means
from people.passkeys import (
    Passkey,
    PasskeyOptions,
    passkey_add,
    passkey_add_options,
    passkey_remove,
    passkey_sign_in,
    passkey_sign_in_options,
    passkeys_of,
)
from people.proof_reading import ProofContent, read_proof
from people.proofs import Upload
from people.relationships import (
    apply,
    approve,
    end,
    refuse,
    relationship_for,
    seed_relationship,
    withdraw,
)
from people.signed_in import SignedIn
from people.staff import (
    Invitation,
    InvitationView,
    Pending,
    accept_invitation,
    create_staff,
    invitation,
    invite_staff,
    new_recovery_codes,
    recovery_codes_left,
    reinvite,
    set_active,
    set_document,
    staff_password,
    staff_recovery,
    staff_totp,
)
from people.terminals import (
    DeviceChallenge,
    DeviceInvitation,
    device_challenge,
    device_sign_in,
    enrol_device,
    invite_device,
    register_device,
    revoke_device,
)

__all__ = [
    "ApplicationForm",
    "Caller",
    "CodeAsked",
    "DeviceChallenge",
    "DeviceInvitation",
    "InmateForm",
    "Invitation",
    "InvitationView",
    "Means",
    "MinorForm",
    "Passkey",
    "PasskeyOptions",
    "Pending",
    "ProofContent",
    "RegisterTicket",
    "RegistrationForm",
    "SignedIn",
    "StaffForm",
    "Upload",
    "accept_invitation",
    "add_minor",
    "apply",
    "approve",
    "ask_code",
    "create_inmate",
    "create_relative",
    "create_staff",
    "device_challenge",
    "device_sign_in",
    "end",
    "enrol_device",
    "invitation",
    "invite_device",
    "invite_staff",
    "move_inmate",
    "new_recovery_codes",
    "passkey_add",
    "passkey_add_options",
    "passkey_remove",
    "passkey_sign_in",
    "passkey_sign_in_options",
    "passkeys_of",
    "read_proof",
    "recovery_codes_left",
    "redeem_code",
    "refuse",
    "register",
    "register_device",
    "reinvite",
    "relationship_for",
    "revoke_device",
    "seed_relationship",
    "set_active",
    "set_document",
    "set_elder",
    "set_language",
    "set_password",
    "sign_in_password",
    "staff_password",
    "staff_recovery",
    "staff_totp",
    "withdraw",
]
