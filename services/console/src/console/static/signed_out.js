// Who has signed out is not notified here any longer.

import { forget } from "./subscription.js";

forget();
