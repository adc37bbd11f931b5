export const projectRoot: string;
export const cacheFolder: string;
export const logFolder: string;
/** A new folder under the system's temporary folder; the caller removes it. */
export function makeTemporaryFolder(name: string): string;
