/** The calibration that Fate ships, as `fate calibrate` has written it. `docs/calibration.md` says from what. */

import type { Calibration } from "./calibration.ts";
import fitted from "./shipped-calibration.json" with { type: "json" };

export const shippedCalibration: Calibration = { ...fitted, version: 1 };
