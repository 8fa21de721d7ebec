"""What goes wrong with accounts, each with its stable code. Sentences say nothing about who has an account."""

from core.errors import Conflict, Forbidden, Malformed, NotFound, TooLarge, Unauthorised


class CodeWrong(Unauthorised):
    """A one-time code that is wrong, used, expired, or asked for by another browser: all alike."""

    code = "code-wrong"
    text = "This code is not right, or no longer valid. Please check it or ask for a new one."


class SignInFailed(Unauthorised):
    """Username, password or second factor: never which of them."""

    code = "sign-in-failed"
    text = "This did not fit together. Please check what you entered and try again."


class UseCode(Unauthorised):
    """A password alone is not enough on a device that this account has not been used on."""

    code = "use-code"
    text = "On a new device, please sign in once with a code sent to your telephone."


class ChallengeWrong(Unauthorised):
    code = "challenge-wrong"
    text = "This sign-in step has run out. Please begin again."


class DeviceRefused(Unauthorised):
    code = "device-refused"
    text = "This terminal is not known here. Please ask the administrator to enrol it."


class EnrolmentWrong(Unauthorised):
    code = "enrolment-wrong"
    text = "This enrolment code is not right, or no longer valid."


class InvitationWrong(NotFound):
    code = "invitation-wrong"
    text = "This invitation is not right, or no longer valid. Please ask the administrator for a new one."


class RegistrationLapsed(Unauthorised):
    code = "registration-lapsed"
    text = "Too much time has passed. Please confirm your telephone number again."


class AlreadyRegistered(Conflict):
    """Told only to somebody who has proved to hold the phone."""

    code = "already-registered"
    text = "There is already an account for this telephone number or document. Please sign in."


class NoMatch(NotFound):
    """Name and number do not belong together in that prison, or nobody is there: one answer for all."""

    code = "no-match"
    text = "We could not match these details. Please check the name and number and try again."


class AlreadyApplied(Conflict):
    code = "already-applied"
    text = "There is already an application, or an approved relationship, between these two."


class OwnCase(Forbidden):
    code = "own-case"
    text = "You cannot decide a case that you are part of. Please leave it to a colleague."


class ProofTooLarge(TooLarge):
    code = "proof-too-large"
    text = "This file is too large. {megabytes} MB at most."


class ProofNotReadable(Malformed):
    code = "proof-not-readable"
    status = 422
    text = "This file cannot be read. Please photograph or scan the paper again."


class ProofType(Malformed):
    code = "proof-type"
    status = 422
    text = "Only photographs (JPEG, PNG, WebP) and PDF files are accepted."


class LastKey(Conflict):
    code = "last-key"
    text = "This is your only second factor. Add another before you remove it."
