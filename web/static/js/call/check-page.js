// The device check as a page of its own.

import { Check } from "./check.js";

const check = new Check();
addEventListener("pagehide", () => check.close());
