/** A port on 127.0.0.1 at which nobody listens. */
export { findFreePort as deadPort } from "../../deploy/tools/freeport.mjs";
