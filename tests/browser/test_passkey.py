"""Staff add a passkey and come back in with it: a real browser, its own virtual authenticator (CDP WebAuthn)."""

from base64 import b64encode
from collections.abc import Iterator
from secrets import token_bytes

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.browser.chromium import Chromium
from tests.browser.conftest import Crowd
from tests.browser.product import Product

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def product_with_a_name(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Passkeys are bound to a host name; an address will not do."""
    made = Product(tmp_path_factory.mktemp("passkey") / "product")
    made.process.env["KINBRIDGE_BASE_URL"] = f"http://localhost:{made.port}"
    made.start()
    yield made
    made.stop()
    print(made.process.words())


async def test_a_passkey_is_added_and_signs_in(product_with_a_name: Product, crowd: Crowd) -> None:
    officer = await crowd.chromium("officer", f"http://localhost:{product_with_a_name.port}")
    assert isinstance(officer.browser, Chromium)
    page = officer.browser.page
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    added = await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})

    await officer.open("/demo/enter/monitor")
    await officer.open("/account/security")
    await page.fill("#passkey-name", "值班台")
    async with page.expect_navigation():
        await page.click("[data-passkey-add] button")
    await officer.reads("值班台", "main")
    held = await devtools.send("WebAuthn.getCredentials", {"authenticatorId": added["authenticatorId"]})
    assert [key["rpId"] for key in held["credentials"]] == ["localhost"]

    await page.click("form[action='/signout'] button")
    await officer.open("/officer")
    assert "/signin" in page.url
    await officer.open("/signin/staff")
    await page.click("#passkey-button")
    await page.wait_for_url("**/officer")
    assert product_with_a_name.run("verify", "ledger").returncode == 0


async def test_a_passkey_that_is_not_ours_opens_nothing(product_with_a_name: Product, crowd: Crowd) -> None:
    stranger = await crowd.chromium("stranger", f"http://localhost:{product_with_a_name.port}")
    assert isinstance(stranger.browser, Chromium)
    page = stranger.browser.page
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    added = await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    await devtools.send(
        "WebAuthn.addCredential", {"authenticatorId": added["authenticatorId"], "credential": foreign()}
    )
    await stranger.open("/signin/staff")
    await page.click("#passkey-button")
    await stranger.until(
        "(one => one.textContent === one.dataset.failed)(document.getElementById('passkey-status'))",
        what="to be told that it did not work",
    )
    held = await devtools.send("WebAuthn.getCredentials", {"authenticatorId": added["authenticatorId"]})
    assert held["credentials"][0]["signCount"] > 1  # it was offered to the server, and signed
    assert "/signin" in page.url
    await stranger.open("/officer")
    assert "/signin" in page.url


def foreign() -> dict[str, object]:
    """A key for this very host that the product was never given."""
    made = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "credentialId": b64encode(token_bytes(16)).decode(),
        "isResidentCredential": True,
        "rpId": "localhost",
        "privateKey": b64encode(made).decode(),
        "userHandle": b64encode(token_bytes(16)).decode(),
        "signCount": 1,
    }
