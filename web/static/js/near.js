// "Near me": asks the browser where it is, only when the person asks for it; 0.001 degree is about 100 metres.
const button = document.querySelector("[data-near]");
const said = document.querySelector("[data-near-said]");
const field = document.querySelector("[data-at]");

if (button && field && "geolocation" in navigator && window.isSecureContext) {
  button.hidden = false;
  button.addEventListener("click", () => {
    said.textContent = said.dataset.asking;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        field.value = `${coords.latitude.toFixed(3)},${coords.longitude.toFixed(3)}`;
        field.form.elements.place.value = "";
        field.form.requestSubmit();
      },
      () => {
        said.textContent = said.dataset.refused;
      },
      { maximumAge: 600000, timeout: 20000 },
    );
  });
}
