/** Real services for tests. Each says whether it is available; what is not is skipped aloud (see availability.ts). */
export { describeWith, type Availability } from "./availability.ts";
export { usePostgres } from "./postgres.ts";
export { useRedis } from "./redis.ts";
export { useSynapse, type SynapseStarter } from "./synapse.ts";
export { useXmllint, useXmlsec, type XmlTool } from "./xml-tools.ts";
