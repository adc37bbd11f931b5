/** Who takes part in the federation, and where a mailbox is reached. */
export { federationCommands } from "./commands.ts";
export { createFederation, type FederationParts, type RunningFederation } from "./federation.ts";
export { participantsSettings, type Participants } from "./participants.ts";
export {
  federationRemotes,
  federationSettings,
  type FederationConfig,
  type FederationSettings,
} from "./settings.ts";
export { verifyFederation } from "./verify.ts";
