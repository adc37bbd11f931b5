import { matrixOnSynapse } from "../homeserver/matrix-on-synapse.ts";
import { describeWith, useSynapse } from "../support/services/index.ts";

const synapse = await useSynapse();

describeWith("the Matrix side over a real Synapse", synapse, (service) => matrixOnSynapse(service));
